// Which of root's powers a boxed command keeps.
#pragma once

#include <cstdint>

#include "fusebox/fault.h"

namespace fusebox::box {

// Whether the command keeps the right to make device nodes, CAP_MKNOD. All that a box shows is mounted `nodev`, so such
// a node is a name there and no device; whoever opens it elsewhere has the device.
enum class DeviceNodes { refused, made };

// Leaves the calling thread, and whatever it executes, with at most the capabilities of the list in capabilities.cc:
// bounding, permitted, effective and inheritable; none ambient. For a single-threaded process just before its exec.
Outcome<> drop_capabilities(DeviceNodes device_nodes = DeviceNodes::refused);

// The calling thread's bounding set, as a mask of bits.
std::uint64_t bounding_capabilities();

// What a command of this process will have after drop_capabilities() and its exec, as a mask of bits: for root, or for
// who asked to be `mapped_to_root` in a namespace, at most that list; for others nothing.
std::uint64_t capabilities_of_command(bool mapped_to_root, DeviceNodes device_nodes = DeviceNodes::refused);

// Takes from the calling thread the powers over files of others, and over one's own beyond their mode bits.
Outcome<> drop_file_capabilities();

// True when the calling thread has `capability` (a CAP_ constant of linux/capability.h) in its effective set.
bool has_capability(int capability);

}  // namespace fusebox::box
