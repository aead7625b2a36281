// The whole public API.
#pragma once

#include "fusebox/attr.h"             // IWYU pragma: export
#include "fusebox/backing.h"          // IWYU pragma: export
#include "fusebox/bytes.h"            // IWYU pragma: export
#include "fusebox/executor.h"         // IWYU pragma: export
#include "fusebox/fault.h"            // IWYU pragma: export
#include "fusebox/fd.h"               // IWYU pragma: export
#include "fusebox/lock.h"             // IWYU pragma: export
#include "fusebox/mount.h"            // IWYU pragma: export
#include "fusebox/name.h"             // IWYU pragma: export
#include "fusebox/node.h"             // IWYU pragma: export
#include "fusebox/notifier.h"         // IWYU pragma: export
#include "fusebox/outside_objects.h"  // IWYU pragma: export
#include "fusebox/request.h"          // IWYU pragma: export
#include "fusebox/result.h"           // IWYU pragma: export
#include "fusebox/system.h"           // IWYU pragma: export
#include "fusebox/task.h"             // IWYU pragma: export
