// Builds the bytes of a request as the kernel would.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "fusebox/request.h"
#include "wire/abi.h"

namespace fusebox::testing {

using Bytes = std::vector<std::byte>;

// `deadbeef 00` as bytes; white space is for the reader.
Bytes from_hex(std::string_view text);
std::string to_hex(std::span<const std::byte> bytes);

class RequestBytes {
 public:
  RequestBytes(wire::Opcode opcode, std::uint64_t node) : RequestBytes(static_cast<std::uint32_t>(opcode), node) {}
  RequestBytes(std::uint32_t opcode, std::uint64_t node) {
    header_.opcode = opcode;
    header_.nodeid = node;
  }

  template <class T>
    requires std::is_trivially_copyable_v<T>
  RequestBytes& put(const T& value) {
    return put_bytes(std::as_bytes(std::span(&value, 1)));
  }
  RequestBytes& put_bytes(std::span<const std::byte> bytes) {
    arguments_.insert(arguments_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  RequestBytes& put_string(std::string_view text) {
    put_bytes(std::as_bytes(std::span(text)));
    arguments_.push_back(std::byte{0});
    return *this;
  }

  // An extension block behind the arguments, a multiple of eight bytes.
  RequestBytes& extend(std::span<const std::byte> block) {
    header_.total_extlen = static_cast<std::uint16_t>(header_.total_extlen + block.size() / 8);
    return put_bytes(block);
  }

  Bytes finish(std::uint64_t unique, const Caller& caller) const {
    wire::InHeader header = header_;
    header.len = static_cast<std::uint32_t>(sizeof(header) + arguments_.size());
    header.unique = unique;
    header.uid = caller.uid;
    header.gid = caller.gid;
    header.pid = static_cast<std::uint32_t>(caller.tid);
    const auto head = std::as_bytes(std::span(&header, 1));
    Bytes bytes(head.begin(), head.end());
    bytes.insert(bytes.end(), arguments_.begin(), arguments_.end());
    return bytes;
  }

  std::uint32_t opcode() const { return header_.opcode; }

 private:
  wire::InHeader header_{};
  Bytes arguments_;
};

}  // namespace fusebox::testing
