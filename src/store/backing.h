#pragma once

#include "fusebox/backing.h"
