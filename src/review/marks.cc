#include "review/marks.h"

#include <fcntl.h>

#include <charconv>

namespace fusebox::review {
namespace {

std::string prefix_of(Namespace space) { return space == Namespace::trusted ? "trusted." : "user."; }

const std::string* value_of(const Xattrs& xattrs, const std::string& name) {
  const auto found = xattrs.find(name);
  return found == xattrs.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string opaque_name(Namespace space) { return prefix_of(space) + "overlay.opaque"; }
std::string redirect_name(Namespace space) { return prefix_of(space) + "overlay.redirect"; }
std::string origin_name(Namespace space) { return prefix_of(space) + "fusebox.origin"; }
std::string applying_name(Namespace space) { return prefix_of(space) + "fusebox.applying"; }
std::string moving_name(Namespace space) { return prefix_of(space) + "fusebox.moving"; }

Marks marks_of(const Xattrs& xattrs, Namespace space) {
  Marks marks;
  const std::string overlay = prefix_of(space) + "overlay.";
  if (const auto* opaque = value_of(xattrs, opaque_name(space))) {
    marks.opaque = *opaque == "y";
    marks.whiteouts_inside = *opaque == "x";
  }
  marks.whiteout = value_of(xattrs, overlay + "whiteout") != nullptr;
  marks.metacopy = value_of(xattrs, overlay + "metacopy") != nullptr;
  if (const auto* redirect = value_of(xattrs, redirect_name(space))) marks.redirect = *redirect;
  if (const auto* origin = value_of(xattrs, origin_name(space))) marks.origin = parse_origin(*origin);
  if (const auto* applying = value_of(xattrs, applying_name(space))) marks.applying = parse_time(*applying);
  if (const auto* moving = value_of(xattrs, moving_name(space))) marks.moving = parse_number(*moving);
  return marks;
}

Xattrs shown_xattrs(const Xattrs& xattrs, Namespace space) {
  const std::string overlay = prefix_of(space) + "overlay.";
  const std::string escaped = overlay + "overlay.";
  const std::string own = prefix_of(space) + "fusebox.";
  Xattrs shown;
  for (const auto& [name, value] : xattrs) {
    if (!is_carried(name) || name.starts_with(own)) continue;
    if (name.starts_with(escaped)) {
      shown.emplace(overlay + name.substr(escaped.size()), value);
    } else if (!name.starts_with(overlay)) {
      shown.emplace(name, value);
    }
  }
  return shown;
}

bool is_good_redirect(std::string_view redirect) {
  if (redirect.starts_with('/')) {
    redirect.remove_prefix(1);
  } else if (redirect.find('/') != std::string_view::npos) {
    return false;
  }
  for (;;) {
    const std::size_t slash = redirect.find('/');
    const std::string_view name = redirect.substr(0, slash);
    if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string_view::npos) return false;
    if (slash == std::string_view::npos) return true;
    redirect.remove_prefix(slash + 1);
  }
}

bool Entry::is_whiteout(const Marks& parent_marks) const {
  if (S_ISCHR(status.mode) && status.rdev == 0) return true;
  return parent_marks.whiteouts_inside && status.is_regular() && status.size == 0 && marks.whiteout;
}

Result<std::optional<Entry>> entry_of(const Tree& upper, std::string_view path, Namespace space) {
  const Result<Fd> file = upper.open(path, O_PATH);
  if (!file && file.error() == Errno::no_entry) return std::nullopt;
  if (!file) return fail(file.error());
  const Result<Status> status = status_of(file->get());
  if (!status) return fail(status.error());
  const Result<Xattrs> xattrs = read_xattrs(file->get());
  if (!xattrs) return fail(xattrs.error());
  return Entry{.status = *status, .xattrs = shown_xattrs(*xattrs, space), .marks = marks_of(*xattrs, space)};
}

}  // namespace fusebox::review
