#include "support/fake_kernel.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "support/running.h"

namespace fusebox::testing {
namespace {

using wire::Opcode;

// Far above what any handler takes; reached only where a reply is missing, which fails the test.
constexpr std::chrono::seconds kPatience{20};

std::string text_of(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Takes a listing apart, and fails the test where the kernel would refuse it (fs/fuse/readdir.c: parse_dirfile).
std::vector<Listed> parse_listing(std::span<const std::byte> bytes, bool plus) {
  std::vector<Listed> listing;
  const std::size_t head = plus ? sizeof(wire::DirentPlus) : sizeof(wire::Dirent);
  while (bytes.size() >= head) {
    Listed item;
    wire::Dirent dirent{};
    if (plus) std::memcpy(&item.entry, bytes.data(), sizeof(item.entry));
    std::memcpy(&dirent, bytes.data() + head - sizeof(dirent), sizeof(dirent));
    const std::size_t record = (head + dirent.namelen + 7) / 8 * 8;
    if (dirent.namelen == 0 || record > bytes.size()) {
      ADD_FAILURE() << "a directory record of " << dirent.namelen << " bytes of name in " << bytes.size();
      return listing;
    }
    item.name.assign(reinterpret_cast<const char*>(bytes.data() + head), dirent.namelen);
    item.ino = dirent.ino;
    item.next = dirent.off;
    item.type = dirent.type;
    listing.push_back(std::move(item));
    bytes = bytes.subspan(record);
  }
  EXPECT_TRUE(bytes.empty()) << "bytes behind the last directory record";
  return listing;
}

}  // namespace

wire::InitIn linux_6_18() {
  return {.major = 7, .minor = 45, .max_readahead = 0x20000, .flags = 0x73fffffb, .flags2 = 0x7fd, .unused = {}};
}

FakeKernel::FakeKernel(Ref<Node> root, dispatch::SessionOptions options)
    : session_(std::make_unique<dispatch::Session>(std::move(root), options)) {
  session_->notifier().go_through(std::shared_ptr<door::Channel>(std::shared_ptr<void>(), &channel_));
}

FakeKernel::~FakeKernel() { end_session(); }

void FakeKernel::end_session() {
  channel_.close();
  servers_.clear();
  session_.reset();
}

void FakeKernel::start_servers(unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    servers_.emplace_back([this] { session_->serve(channel_); });
  }
}

std::uint64_t FakeKernel::send(const RequestBytes& request) {
  const std::uint64_t unique = last_unique_ += 2;
  channel_.enqueue(request.finish(unique, caller));
  if (give_up_.exchange(false)) channel_.abandon(unique);
  if (servers_.empty()) session_->serve_one(channel_);
  return unique;
}

Result<Bytes> FakeKernel::wait(std::uint64_t unique) {
  std::optional<Bytes> reply = channel_.take_reply(unique, kPatience);
  if (!reply) {
    ADD_FAILURE() << "no reply to request " << unique;
    return fail(Errno::timed_out);
  }
  wire::OutHeader header{};
  std::memcpy(&header, reply->data(), sizeof(header));
  if (header.error != 0) return fail(Errno{-header.error});
  reply->erase(reply->begin(), reply->begin() + sizeof(header));
  return *std::move(reply);
}

bool FakeKernel::answered(std::uint64_t unique) {
  return channel_.take_reply(unique, std::chrono::nanoseconds::zero()).has_value();
}

bool FakeKernel::send_raw(Bytes bytes) {
  channel_.enqueue(std::move(bytes));
  return !servers_.empty() || session_->serve_one(channel_);
}

std::optional<Bytes> FakeKernel::raw_reply(std::uint64_t unique) {
  return channel_.take_reply(unique, std::chrono::nanoseconds::zero());
}

Result<Bytes> FakeKernel::call(const RequestBytes& request) {
  const bool gives_up = give_up_;
  const std::uint64_t unique = send(request);
  if (gives_up) return fail(Errno::interrupted);
  return wait(unique);
}

template <class T>
Result<T> FakeKernel::call_for(const RequestBytes& request) {
  const Result<Bytes> reply = call(request);
  if (!reply) return fail(reply.error());
  if (reply->size() != sizeof(T)) {
    ADD_FAILURE() << "opcode " << request.opcode() << ": a reply of " << reply->size() << " bytes, not " << sizeof(T);
    return fail(Errno::io);
  }
  T value;
  std::memcpy(&value, reply->data(), sizeof(T));
  return value;
}

Result<> FakeKernel::call_for_nothing(const RequestBytes& request) {
  const Result<Bytes> reply = call(request);
  if (!reply) return fail(reply.error());
  EXPECT_TRUE(reply->empty()) << "opcode " << request.opcode() << ": " << reply->size() << " bytes where none belong";
  return {};
}

Result<std::string> FakeKernel::call_for_text(const RequestBytes& request) {
  const Result<Bytes> reply = call(request);
  if (!reply) return fail(reply.error());
  return text_of(*reply);
}

void FakeKernel::count(std::uint64_t node) {
  if (node == 0) return;
  const std::lock_guard lock(mutex_);
  ++lookups_[node];
}

Result<wire::EntryOut> FakeKernel::call_for_entry(const RequestBytes& request) {
  Result<wire::EntryOut> entry = call_for<wire::EntryOut>(request);
  if (entry) count(entry->nodeid);
  return entry;
}

Result<wire::CreateOut> FakeKernel::call_for_created(const RequestBytes& request) {
  Result<wire::CreateOut> created = call_for<wire::CreateOut>(request);
  if (created) count(created->entry.nodeid);
  return created;
}

Result<wire::InitOut> FakeKernel::init(const wire::InitIn& offer) {
  return call_for<wire::InitOut>(RequestBytes(Opcode::init, 0).put(offer));
}

Result<wire::EntryOut> FakeKernel::lookup(std::uint64_t parent, std::string_view name) {
  return call_for_entry(RequestBytes(Opcode::lookup, parent).put_string(name));
}

Result<wire::EntryOut> FakeKernel::walk(std::string_view path) {
  Result<wire::EntryOut> entry = fail(Errno::no_entry);
  std::uint64_t at = kRoot;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    entry = lookup(at, path.substr(0, slash));
    if (!entry) return entry;
    if (entry->nodeid == 0) return fail(Errno::no_entry);
    at = entry->nodeid;
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return entry;
}

Result<wire::EntryOut> FakeKernel::mkdir(std::uint64_t parent, std::string_view name, mode_t mode, mode_t umask) {
  return call_for_entry(
      RequestBytes(Opcode::mkdir, parent).put(wire::MkdirIn{.mode = mode, .umask = umask}).put_string(name));
}

Result<wire::EntryOut> FakeKernel::mknod(std::uint64_t parent, std::string_view name, mode_t mode, std::uint32_t device,
                                         mode_t umask) {
  return call_for_entry(RequestBytes(Opcode::mknod, parent)
                            .put(wire::MknodIn{.mode = mode, .rdev = device, .umask = umask, .padding = 0})
                            .put_string(name));
}

Result<wire::EntryOut> FakeKernel::symlink(std::uint64_t parent, std::string_view name, std::string_view target) {
  return call_for_entry(RequestBytes(Opcode::symlink, parent).put_string(name).put_string(target));
}

Result<wire::EntryOut> FakeKernel::link(std::uint64_t existing, std::uint64_t parent, std::string_view name) {
  return call_for_entry(RequestBytes(Opcode::link, parent).put(wire::LinkIn{.oldnodeid = existing}).put_string(name));
}

Result<std::string> FakeKernel::readlink(std::uint64_t node) {
  return call_for_text(RequestBytes(Opcode::readlink, node));
}

Result<> FakeKernel::unlink(std::uint64_t parent, std::string_view name) {
  return call_for_nothing(RequestBytes(Opcode::unlink, parent).put_string(name));
}

Result<> FakeKernel::rmdir(std::uint64_t parent, std::string_view name) {
  return call_for_nothing(RequestBytes(Opcode::rmdir, parent).put_string(name));
}

Result<> FakeKernel::rename(std::uint64_t from, std::string_view name, std::uint64_t to, std::string_view new_name) {
  return call_for_nothing(
      RequestBytes(Opcode::rename, from).put(wire::RenameIn{.newdir = to}).put_string(name).put_string(new_name));
}

Result<> FakeKernel::rename2(std::uint64_t from, std::string_view name, std::uint64_t to, std::string_view new_name,
                             std::uint32_t flags) {
  return call_for_nothing(RequestBytes(Opcode::rename2, from)
                              .put(wire::Rename2In{.newdir = to, .flags = flags, .padding = 0})
                              .put_string(name)
                              .put_string(new_name));
}

Result<wire::AttrOut> FakeKernel::getattr(std::uint64_t node) {
  return call_for<wire::AttrOut>(RequestBytes(Opcode::getattr, node).put(wire::GetattrIn{}));
}

Result<wire::AttrOut> FakeKernel::fgetattr(std::uint64_t node, std::uint64_t fh) {
  return call_for<wire::AttrOut>(
      RequestBytes(Opcode::getattr, node)
          .put(wire::GetattrIn{.getattr_flags = wire::kGetattrHandle, .dummy = 0, .fh = fh}));
}

Result<wire::StatxOut> FakeKernel::statx(std::uint64_t node, std::uint32_t mask) {
  wire::StatxIn in{};
  in.sx_mask = mask;
  return call_for<wire::StatxOut>(RequestBytes(Opcode::statx, node).put(in));
}

Result<wire::AttrOut> FakeKernel::setattr(std::uint64_t node, const wire::SetattrIn& in) {
  return call_for<wire::AttrOut>(RequestBytes(Opcode::setattr, node).put(in));
}

Result<> FakeKernel::access(std::uint64_t node, std::uint32_t mask) {
  return call_for_nothing(RequestBytes(Opcode::access, node).put(wire::AccessIn{.mask = mask, .padding = 0}));
}

Result<wire::Kstatfs> FakeKernel::statfs(std::uint64_t node) {
  return call_for<wire::Kstatfs>(RequestBytes(Opcode::statfs, node));
}

Result<> FakeKernel::syncfs() { return call_for_nothing(RequestBytes(Opcode::syncfs, kRoot).put(wire::SyncfsIn{})); }

Result<std::string> FakeKernel::getxattr(std::uint64_t node, std::string_view name, std::uint32_t size) {
  return call_for_text(
      RequestBytes(Opcode::getxattr, node).put(wire::GetxattrIn{.size = size, .padding = 0}).put_string(name));
}

Result<std::uint32_t> FakeKernel::getxattr_size(std::uint64_t node, std::string_view name) {
  const auto out =
      call_for<wire::GetxattrOut>(RequestBytes(Opcode::getxattr, node).put(wire::GetxattrIn{}).put_string(name));
  if (!out) return fail(out.error());
  return out->size;
}

Result<> FakeKernel::setxattr(std::uint64_t node, std::string_view name, std::string_view value, std::uint32_t flags) {
  const wire::SetxattrIn in{
      .size = static_cast<std::uint32_t>(value.size()), .flags = flags, .setxattr_flags = 0, .padding = 0};
  return call_for_nothing(
      RequestBytes(Opcode::setxattr, node).put(in).put_string(name).put_bytes(std::as_bytes(std::span(value))));
}

Result<std::string> FakeKernel::listxattr(std::uint64_t node, std::uint32_t size) {
  return call_for_text(RequestBytes(Opcode::listxattr, node).put(wire::GetxattrIn{.size = size, .padding = 0}));
}

Result<std::uint32_t> FakeKernel::listxattr_size(std::uint64_t node) {
  const auto out = call_for<wire::GetxattrOut>(RequestBytes(Opcode::listxattr, node).put(wire::GetxattrIn{}));
  if (!out) return fail(out.error());
  return out->size;
}

Result<> FakeKernel::removexattr(std::uint64_t node, std::string_view name) {
  return call_for_nothing(RequestBytes(Opcode::removexattr, node).put_string(name));
}

Result<wire::OpenOut> FakeKernel::open(std::uint64_t node, int flags) {
  return call_for<wire::OpenOut>(
      RequestBytes(Opcode::open, node).put(wire::OpenIn{.flags = static_cast<std::uint32_t>(flags), .open_flags = 0}));
}

Result<wire::CreateOut> FakeKernel::create(std::uint64_t parent, std::string_view name, int flags, mode_t mode,
                                           mode_t umask) {
  const wire::CreateIn in{
      .flags = static_cast<std::uint32_t>(flags), .mode = S_IFREG | mode, .umask = umask, .open_flags = 0};
  return call_for_created(RequestBytes(Opcode::create, parent).put(in).put_string(name));
}

Result<wire::CreateOut> FakeKernel::tmpfile(std::uint64_t parent, int flags, mode_t mode, mode_t umask) {
  const wire::CreateIn in{
      .flags = static_cast<std::uint32_t>(flags), .mode = S_IFREG | mode, .umask = umask, .open_flags = 0};
  return call_for_created(RequestBytes(Opcode::tmpfile, parent).put(in).put_string("/"));
}

Result<std::string> FakeKernel::read(std::uint64_t fh, std::uint64_t offset, std::uint32_t size, std::uint64_t node) {
  wire::ReadIn in{};
  in.fh = fh;
  in.offset = offset;
  in.size = size;
  return call_for_text(RequestBytes(Opcode::read, node).put(in));
}

Result<std::uint32_t> FakeKernel::write(std::uint64_t fh, std::uint64_t offset, std::string_view data,
                                        std::uint64_t node) {
  wire::WriteIn in{};
  in.fh = fh;
  in.offset = offset;
  in.size = static_cast<std::uint32_t>(data.size());
  const auto out =
      call_for<wire::WriteOut>(RequestBytes(Opcode::write, node).put(in).put_bytes(std::as_bytes(std::span(data))));
  if (!out) return fail(out.error());
  return out->size;
}

Result<> FakeKernel::flush(std::uint64_t fh, std::uint64_t node) {
  wire::FlushIn in{};
  in.fh = fh;
  return call_for_nothing(RequestBytes(Opcode::flush, node).put(in));
}

Result<> FakeKernel::fsync(std::uint64_t fh, bool data_only, std::uint64_t node) {
  const wire::FsyncIn in{.fh = fh, .fsync_flags = data_only ? wire::kFsyncDataOnly : 0, .padding = 0};
  return call_for_nothing(RequestBytes(Opcode::fsync, node).put(in));
}

Result<> FakeKernel::release(std::uint64_t fh) {
  wire::ReleaseIn in{};
  in.fh = fh;
  return call_for_nothing(RequestBytes(Opcode::release, kRoot).put(in));
}

Result<> FakeKernel::fallocate(std::uint64_t fh, std::uint32_t mode, std::uint64_t offset, std::uint64_t length) {
  const wire::FallocateIn in{.fh = fh, .offset = offset, .length = length, .mode = mode, .padding = 0};
  return call_for_nothing(RequestBytes(Opcode::fallocate, kRoot).put(in));
}

Result<std::uint64_t> FakeKernel::lseek(std::uint64_t fh, std::uint64_t offset, int whence, std::uint64_t node) {
  const wire::LseekIn in{.fh = fh, .offset = offset, .whence = static_cast<std::uint32_t>(whence), .padding = 0};
  const auto out = call_for<wire::LseekOut>(RequestBytes(Opcode::lseek, node).put(in));
  if (!out) return fail(out.error());
  return out->offset;
}

Result<std::uint32_t> FakeKernel::copy_file_range(const wire::CopyFileRangeIn& in) {
  const auto out = call_for<wire::WriteOut>(RequestBytes(Opcode::copy_file_range, kRoot).put(in));
  if (!out) return fail(out.error());
  return out->size;
}

Result<std::uint64_t> FakeKernel::copy_file_range_64(const wire::CopyFileRangeIn& in) {
  const auto out = call_for<wire::CopyFileRangeOut>(RequestBytes(Opcode::copy_file_range_64, kRoot).put(in));
  if (!out) return fail(out.error());
  return out->bytes_copied;
}

Result<wire::OpenOut> FakeKernel::opendir(std::uint64_t node) {
  return call_for<wire::OpenOut>(
      RequestBytes(Opcode::opendir, node).put(wire::OpenIn{.flags = O_RDONLY | O_DIRECTORY, .open_flags = 0}));
}

Result<std::vector<Listed>> FakeKernel::readdir(std::uint64_t node, std::uint64_t fh, std::uint64_t offset,
                                                std::uint32_t size) {
  wire::ReadIn in{};
  in.fh = fh;
  in.offset = offset;
  in.size = size;
  const Result<Bytes> reply = call(RequestBytes(Opcode::readdir, node).put(in));
  if (!reply) return fail(reply.error());
  EXPECT_LE(reply->size(), size);
  return parse_listing(*reply, false);
}

Result<std::vector<Listed>> FakeKernel::readdirplus(std::uint64_t node, std::uint64_t fh, std::uint64_t offset,
                                                    std::uint32_t size) {
  wire::ReadIn in{};
  in.fh = fh;
  in.offset = offset;
  in.size = size;
  const Result<Bytes> reply = call(RequestBytes(Opcode::readdirplus, node).put(in));
  if (!reply) return fail(reply.error());
  EXPECT_LE(reply->size(), size);
  std::vector<Listed> listing = parse_listing(*reply, true);
  for (const Listed& item : listing) {
    if (item.name != "." && item.name != "..") count(item.entry.nodeid);
  }
  return listing;
}

Result<> FakeKernel::fsyncdir(std::uint64_t fh, std::uint64_t node) {
  return call_for_nothing(
      RequestBytes(Opcode::fsyncdir, node).put(wire::FsyncIn{.fh = fh, .fsync_flags = 0, .padding = 0}));
}

Result<> FakeKernel::releasedir(std::uint64_t fh) {
  wire::ReleaseIn in{};
  in.fh = fh;
  return call_for_nothing(RequestBytes(Opcode::releasedir, kRoot).put(in));
}

Result<wire::FileLock> FakeKernel::getlk(std::uint64_t node, const wire::LockIn& in) {
  const auto out = call_for<wire::LockOut>(RequestBytes(Opcode::getlk, node).put(in));
  if (!out) return fail(out.error());
  return out->lock;
}

Result<> FakeKernel::setlk(std::uint64_t node, const wire::LockIn& in) {
  return call_for_nothing(RequestBytes(Opcode::setlk, node).put(in));
}

Result<> FakeKernel::setlkw(std::uint64_t node, const wire::LockIn& in) {
  return call_for_nothing(RequestBytes(Opcode::setlkw, node).put(in));
}

Result<FakeKernel::IoctlAnswer> FakeKernel::ioctl(std::uint64_t fh, unsigned command, std::uint64_t argument,
                                                  std::string_view in, std::uint32_t out_size, std::uint64_t node) {
  const wire::IoctlIn head{.fh = fh,
                           .flags = 0,
                           .cmd = command,
                           .arg = argument,
                           .in_size = static_cast<std::uint32_t>(in.size()),
                           .out_size = out_size};
  const Result<Bytes> reply = call(RequestBytes(Opcode::ioctl, node).put(head).put_bytes(std::as_bytes(std::span(in))));
  if (!reply) return fail(reply.error());
  wire::IoctlOut out{};
  if (reply->size() < sizeof(out) || reply->size() - sizeof(out) > out_size) {
    ADD_FAILURE() << "an ioctl's reply of " << reply->size() << " bytes, with room for " << out_size;
    return fail(Errno::io);
  }
  std::memcpy(&out, reply->data(), sizeof(out));
  return IoctlAnswer{.result = out.result, .data = text_of(*reply).substr(sizeof(out))};
}

Result<unsigned> FakeKernel::poll(std::uint64_t fh, unsigned events, std::optional<PollHandle> tell,
                                  std::uint64_t node) {
  const wire::PollIn in{.fh = fh,
                        .kh = static_cast<std::uint64_t>(tell.value_or(PollHandle{})),
                        .flags = tell ? wire::kPollNotify : 0,
                        .events = events};
  const auto out = call_for<wire::PollOut>(RequestBytes(Opcode::poll, node).put(in));
  if (!out) return fail(out.error());
  return out->revents;
}

void FakeKernel::forget(std::uint64_t node, std::uint64_t count) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = lookups_.find(node);
    if (found != lookups_.end() && (found->second -= std::min(found->second, count)) == 0) lookups_.erase(found);
  }
  send(RequestBytes(Opcode::forget, node).put(wire::ForgetIn{.nlookup = count}));
}

void FakeKernel::forget_everything() {
  std::map<std::uint64_t, std::uint64_t> all;
  {
    const std::lock_guard lock(mutex_);
    all = std::exchange(lookups_, {});
  }
  RequestBytes request(Opcode::batch_forget, 0);
  request.put(wire::BatchForgetIn{.count = static_cast<std::uint32_t>(all.size()), .dummy = 0});
  for (const auto& [node, count] : all) request.put(wire::ForgetOne{.nodeid = node, .nlookup = count});
  send(request);
}

void FakeKernel::interrupt(std::uint64_t unique) {
  // The interrupt's own number is the request's with bit 0 set; it is queued like any other message.
  channel_.enqueue(
      RequestBytes(Opcode::interrupt, 0).put(wire::InterruptIn{.unique = unique}).finish(unique | 1, caller));
  if (servers_.empty()) session_->serve_one(channel_);
}

void FakeKernel::notify_reply(std::uint64_t unique, std::uint64_t offset, std::string_view data) {
  wire::NotifyRetrieveIn in{};
  in.offset = offset;
  in.size = static_cast<std::uint32_t>(data.size());
  channel_.enqueue(RequestBytes(Opcode::notify_reply, kRoot)
                       .put(in)
                       .put_bytes(std::as_bytes(std::span(data)))
                       .finish(unique, caller));
  if (servers_.empty()) session_->serve_one(channel_);
}

std::vector<Bytes> FakeKernel::notifications() {
  EXPECT_TRUE(Running(session_->notifier().delivered()).wait());
  return channel_.take_notifications();
}

std::uint64_t FakeKernel::lookups(std::uint64_t node) const {
  const std::lock_guard lock(mutex_);
  const auto found = lookups_.find(node);
  return found == lookups_.end() ? 0 : found->second;
}

std::uint64_t FakeKernel::lookups() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [node, count] : lookups_) sum += count;
  return sum;
}

}  // namespace fusebox::testing
