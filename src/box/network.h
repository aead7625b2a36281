// The network namespace of a box without network.
#pragma once

#include "fusebox/fault.h"

namespace fusebox::box {

// Brings `lo` up in the calling process's network namespace, so that 127.0.0.1 and ::1 work there.
Outcome<> bring_up_loopback();

}  // namespace fusebox::box
