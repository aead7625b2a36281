#include "review/change.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/utf8.h"
#include "fusebox/fault.h"
#include "review/origin.h"

namespace fusebox::review {
namespace {

std::string_view type_name(const Status& status) {
  switch (status.type()) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFCHR:
      return "character device";
    case S_IFBLK:
      return "block device";
    case S_IFIFO:
      return "FIFO";
    default:
      return "socket";
  }
}

std::string shown_path(const std::string& path, const std::optional<Status>& status) {
  return "/" + printable(path) + (status && status->is_directory() ? "/" : "");
}

std::string join_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::vector<std::string> words_for(const Change& change) {
  std::vector<std::string> words;
  const Aspects& aspects = change.aspects;
  if (aspects.content) words.emplace_back("content");
  if (aspects.mode) {
    words.push_back(fmt::format("mode {:03o} -> {:03o}", change.host->permissions(), change.box->permissions()));
  }
  if (aspects.owner) {
    words.push_back(
        fmt::format("owner {}:{} -> {}:{}", change.host->uid, change.host->gid, change.box->uid, change.box->gid));
  }
  if (aspects.times) words.emplace_back("times");
  if (aspects.xattrs) words.emplace_back("attributes");
  if (aspects.links) words.emplace_back("links");
  return words;
}

std::string details_of(const Change& change) {
  switch (change.kind) {
    case Kind::removed:
      return change.entries == 0 ? "" : fmt::format("{} below", change.entries);
    case Kind::replaced: {
      const std::string below = change.entries == 0 ? "" : fmt::format(" and {} below", change.entries);
      return fmt::format("{}{} -> {}", type_name(*change.host), below, type_name(*change.box));
    }
    default:
      return join_words(words_for(change));
  }
}

std::string side(const char* name, const std::optional<Status>& status) {
  if (!status) return fmt::format("    {:<5} not there\n", name);
  return fmt::format("    {:<5} {}, {} bytes, mode {:03o}, owner {}:{}, modified {}\n", name, type_name(*status),
                     status->size, status->permissions(), status->uid, status->gid, to_text(status->mtime));
}

// Bytes that anyone may have chosen: exactly, and in a form to read.
void put_bytes(nlohmann::json& object, const char* key, const std::string& bytes) {
  object[key] = is_utf8(bytes) ? bytes : printable(bytes);
  if (is_utf8(bytes)) return;
  std::string encoded;
  append_base64(encoded, bytes);
  object[std::string(key) + "_b64"] = encoded;
}

nlohmann::json json_of(const Status& status) {
  nlohmann::json object = {{"type", type_name(status)}, {"mode", fmt::format("{:04o}", status.permissions())},
                           {"uid", status.uid},         {"gid", status.gid},
                           {"size", status.size},       {"mtime", to_text(status.mtime)}};
  if (S_ISCHR(status.mode) || S_ISBLK(status.mode)) {
    object["device"] = fmt::format("{}:{}", major(status.rdev), minor(status.rdev));
  }
  return object;
}

nlohmann::json json_of(const Aspects& aspects) {
  nlohmann::json list = nlohmann::json::array();
  if (aspects.content) list.push_back("content");
  if (aspects.mode) list.push_back("mode");
  if (aspects.owner) list.push_back("owner");
  if (aspects.times) list.push_back("times");
  if (aspects.xattrs) list.push_back("xattrs");
  if (aspects.links) list.push_back("links");
  return list;
}

nlohmann::json json_of(const Change& change) {
  nlohmann::json object = {{"change", to_string(change.kind)}};
  put_bytes(object, "path", "/" + change.path);
  if (!change.from.empty()) put_bytes(object, "from", "/" + change.from);
  if (!change.target.empty()) put_bytes(object, "target", change.target);
  if (change.aspects.any()) object["what"] = json_of(change.aspects);
  if (change.box) object["box"] = json_of(*change.box);
  if (change.host) object["host"] = json_of(*change.host);
  if (change.entries != 0) object["below"] = change.entries;
  if (const auto warnings = warnings_of(change); !warnings.empty()) object["warnings"] = warnings;
  if (!change.conflict.empty()) object["conflict"] = change.conflict;
  return object;
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::added:
      return "added";
    case Kind::changed:
      return "changed";
    case Kind::removed:
      return "removed";
    case Kind::replaced:
      return "replaced";
    case Kind::renamed:
      return "renamed";
  }
  return "changed";
}

std::vector<std::string> warnings_of(const Change& change) {
  std::vector<std::string> warnings;
  if (!change.box) return warnings;
  const Status& box = *change.box;
  if (box.is_regular() && (box.mode & S_ISUID) != 0) {
    warnings.push_back(box.uid == 0 ? "SET-USER-ID OF ROOT" : fmt::format("SET-USER-ID OF {}", box.uid));
  }
  if (box.is_regular() && (box.mode & S_ISGID) != 0) warnings.push_back(fmt::format("SET-GROUP-ID OF {}", box.gid));
  if (change.has_capabilities) warnings.emplace_back("FILE CAPABILITIES");
  if (S_ISCHR(box.mode) || S_ISBLK(box.mode)) {
    warnings.push_back(
        fmt::format("{} DEVICE {}:{}", S_ISCHR(box.mode) ? "CHARACTER" : "BLOCK", major(box.rdev), minor(box.rdev)));
  }
  if (change.kind == Kind::changed && change.aspects.content && change.host && change.host->links > 1) {
    warnings.push_back(fmt::format("one of {} names on the host", change.host->links));
  }
  return warnings;
}

std::string to_line(const Change& change) {
  std::string line = fmt::format("{:<8}  ", to_string(change.kind));
  if (change.kind == Kind::renamed) line += shown_path(change.from, change.box) + " -> ";
  line += shown_path(change.path, change.box ? change.box : change.host);
  if (!change.target.empty()) line += " -> " + printable(change.target);
  if (const std::string details = details_of(change); !details.empty()) line += "  (" + details + ")";
  if (const auto warnings = warnings_of(change); !warnings.empty()) line += "  [" + join_words(warnings) + "]";
  if (!change.conflict.empty()) line += "  [" + change.conflict + "]";
  return line + "\n";
}

std::string describe_conflict(const Change& change) {
  return fmt::format("/{}: {}\n", printable(change.path), change.conflict) + side("box:", change.box) +
         side("host:", change.host);
}

std::string to_json(const std::vector<Change>& changes) {
  nlohmann::json list = nlohmann::json::array();
  for (const Change& change : changes) list.push_back(json_of(change));
  return list.dump(2) + "\n";
}

}  // namespace fusebox::review
