// Turns values into the ABI's structures.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "fusebox/attr.h"
#include "fusebox/lock.h"
#include "wire/abi.h"

namespace fusebox::wire {

WireAttr encode_attr(const Attr& attr);
AttrOut encode_attr_out(const Attr& attr);
StatxOut encode_statx_out(const Attr& attr);

// `nodeid` 0 makes a negative entry.
EntryOut encode_entry(std::uint64_t nodeid, const Attr& attr, Validity entry_valid);

// The kernel's 32-bit device number, and back (include/linux/kdev_t.h: new_encode_dev).
std::uint32_t encode_device(dev_t device);
dev_t decode_device(std::uint32_t device);

SetAttr decode_setattr(const SetattrIn& in);

// Nothing for a type that no lock has, or a range that ends before it begins.
std::optional<fusebox::FileLock> decode_lock(const FileLock& lock);
FileLock encode_lock(const fusebox::FileLock& lock);

// Appends directory records to a buffer; never splits one.
class DirentWriter {
 public:
  explicit DirentWriter(std::span<std::byte> into) : into_(into) {}

  // False: no room.
  bool add(std::string_view name, std::uint64_t ino, std::uint8_t type, std::uint64_t next);
  bool add_plus(std::string_view name, const EntryOut& entry, std::uint64_t ino, std::uint8_t type, std::uint64_t next);
  bool fits_plus(std::string_view name) const;
  std::size_t size() const { return used_; }

 private:
  void put(const void* bytes, std::size_t count);
  void pad();

  std::span<std::byte> into_;
  std::size_t used_ = 0;
};

}  // namespace fusebox::wire
