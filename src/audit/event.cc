#include "audit/event.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fusebox::audit {
namespace {

constexpr auto kOps = std::to_array<std::pair<Op, std::string_view>>({
    {Op::stat, "stat"},           {Op::access, "access"},
    {Op::readlink, "readlink"},   {Op::open, "open"},
    {Op::exec, "exec"},           {Op::list, "list"},
    {Op::read, "read"},           {Op::write, "write"},
    {Op::create, "create"},       {Op::mkdir, "mkdir"},
    {Op::mknod, "mknod"},         {Op::symlink, "symlink"},
    {Op::link, "link"},           {Op::unlink, "unlink"},
    {Op::rmdir, "rmdir"},         {Op::rename, "rename"},
    {Op::truncate, "truncate"},   {Op::chmod, "chmod"},
    {Op::chown, "chown"},         {Op::utimes, "utimes"},
    {Op::setxattr, "setxattr"},   {Op::removexattr, "removexattr"},
    {Op::getxattr, "getxattr"},   {Op::listxattr, "listxattr"},
    {Op::fallocate, "fallocate"}, {Op::ioctl, "ioctl"},
});

// to_string indexes the table by the enumerator.
static_assert([] {
  for (std::size_t i = 0; i < kOps.size(); ++i) {
    if (std::to_underlying(kOps[i].first) != i) return false;
  }
  return kOps.size() == std::to_underlying(Op::ioctl) + 1U;
}());

}  // namespace

std::string_view to_string(Op op) { return kOps[std::to_underlying(op)].second; }

std::optional<Op> parse_op(std::string_view word) {
  const auto* found = std::ranges::find(kOps, word, &std::pair<Op, std::string_view>::second);
  if (found == kOps.end()) return std::nullopt;
  return found->first;
}

std::string_view to_string(Verdict outcome) {
  switch (outcome) {
    case Verdict::allow:
      return "allow";
    case Verdict::deny:
      return "deny";
    case Verdict::predict:
      return "predict";
    case Verdict::hide:
      return "hide";
    case Verdict::discard:
      return "discard";
  }
  return "deny";
}

Kind kind_of(Op op, int flags) {
  switch (op) {
    case Op::stat:
    case Op::access:
    case Op::getxattr:
    case Op::listxattr:
      return Kind::look;
    case Op::open:
      return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0 ? Kind::write : Kind::read;
    case Op::readlink:
    case Op::exec:
    case Op::list:
      return Kind::read;
    case Op::read:
    case Op::write:
      return Kind::transfer;
    case Op::truncate:
    case Op::fallocate:
      return Kind::write;
    case Op::create:
    case Op::mkdir:
    case Op::mknod:
    case Op::symlink:
    case Op::link:
    case Op::rename:
      return Kind::create;
    case Op::unlink:
    case Op::rmdir:
      return Kind::remove;
    case Op::ioctl:
    case Op::chmod:
    case Op::chown:
    case Op::utimes:
    case Op::setxattr:
    case Op::removexattr:
      return Kind::attributes;
  }
  return Kind::write;
}

}  // namespace fusebox::audit
