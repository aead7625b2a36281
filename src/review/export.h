// A box as a layer of a container image (review layer; the OCI image specification, layer.md).
#pragma once

#include <functional>
#include <vector>

#include "review/change.h"
#include "review/layers.h"

namespace fusebox::review {

// Writes to `fd` what scan() found: what was added or changed as it is in the box, with the directories above it;
// `.wh.NAME` for what was removed, `.wh..wh..opq` in directories of which the host's shows nothing.  A directory that
// was renamed is written whole.  `complain` is told of what such a layer cannot hold and is left out: sockets.
Outcome<> export_layer(const Layers& layers, const std::vector<Change>& changes, int fd, const Progress& progress,
                       const std::function<void(const Fault&)>& complain);

}  // namespace fusebox::review
