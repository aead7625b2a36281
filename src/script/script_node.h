// A file or directory that a script answers for.
#pragma once

#include <string>
#include <vector>

#include "script/node_table.h"
#include "script/script.h"

namespace fusebox::script {

class ScriptNode final : public PlacedNode {
 public:
  ScriptNode(Script& script, NodeTable& table, const std::string& path) : PlacedNode(table, path), script_(script) {}

  Task<Attr> getattr(const Request&, Ref<Handle>) override;
  Task<Attr> setattr(const Request&, SetAttr change, Ref<Handle>) override;
  Task<Entry> lookup(const Request&, Name name) override;
  Task<std::string> readlink(const Request&) override;

  Task<Opened> open(const Request&, int flags) override;
  Task<Opened> opendir(const Request&) override;
  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override;
  Task<std::size_t> write(const Request&, std::uint64_t offset, std::span<const std::byte> data) override;
  Task<> fsync(const Request&, bool data_only) override;

  Task<Created> create(const Request&, Name name, NewMode mode, int flags) override;
  Task<Entry> mknod(const Request&, Name name, NewMode mode, dev_t device) override;
  Task<Entry> mkdir(const Request&, Name name, NewMode mode) override;
  Task<Entry> symlink(const Request&, Name name, std::string target) override;
  Task<Entry> link(const Request&, Ref<Node> existing, Name name) override;
  Task<> unlink(const Request&, Name name) override;
  Task<> rmdir(const Request&, Name name) override;
  Task<> rename(const Request&, Name from, Ref<Node> to_directory, Name to, unsigned flags) override;

  Task<std::size_t> getxattr(const Request&, const std::string& name, std::span<std::byte> into) override;
  Task<> setxattr(const Request&, const std::string& name, std::span<const std::byte> value, int flags) override;
  Task<std::size_t> listxattr(const Request&, std::span<std::byte> into) override;
  Task<> removexattr(const Request&, const std::string& name) override;

  Task<struct statvfs> statfs(const Request&) override;

 private:
  Result<std::string> child(Name name) const;
  Task<Entry> found(std::string path);
  Task<Answer> must(Question question, Errno when_absent);
  Task<> truncate(std::string path, std::uint64_t size);
  Task<> remove(Hook hook, Name name);
  Opened opened(const std::string& path, bool has_release);

  Script& script_;
};

Ref<Node> root_of(Script& script);

}  // namespace fusebox::script
