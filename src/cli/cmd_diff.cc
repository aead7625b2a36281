#include "cli/cmd_diff.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/box_argument.h"
#include "review/text_diff.h"

namespace fusebox::cli {
namespace {

struct DiffOptions {
  std::string box;
  std::vector<std::string> paths;
  bool text = false;
  bool json = false;
};

// What a box wrote into a file must not command the terminal; in a file or a pipe it has to stay as it is.
std::string for_terminal(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\n\t");
    shown += printable(text.substr(0, end));
    if (end == std::string_view::npos) break;
    shown += text[end];
    text.remove_prefix(end + 1);
  }
  return shown;
}

Outcome<> show_text(const review::Layers& layers, const std::vector<review::Change>& changes) {
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  for (const review::Change& change : changes) {
    Outcome<> shown = show(review::to_line(change));
    if (!shown) return shown;
    if (!review::has_text(change)) continue;
    const Outcome<> compared = review::text_diff(layers, change, [&](std::string_view piece) {
      if (shown) shown = show(is_terminal ? for_terminal(piece) : std::string(piece));
    });
    if (!compared) return compared;
    if (!shown) return shown;
  }
  return {};
}

Outcome<> show_names(const std::vector<review::Change>& changes) {
  for (const review::Change& change : changes) {
    if (const Outcome<> shown = show(review::to_line(change)); !shown) return shown;
  }
  return {};
}

Outcome<> diff(const DiffOptions& options) {
  const auto selection = selection_of(options.paths);
  if (!selection) return std::unexpected(selection.error());
  const auto reviewed = ReviewedBox::open(options.box);
  if (!reviewed) return std::unexpected(reviewed.error());
  auto changes = [&] {
    ProgressLine progress("comparing");
    return reviewed->scan(review::Thoroughness::exact, progress.progress());
  }();
  if (!changes) return std::unexpected(changes.error());
  std::erase_if(*changes, [&](const review::Change& change) { return !selection->covers(change); });
  std::ranges::sort(*changes, {}, &review::Change::path);
  Outcome<> shown = options.json   ? show(review::to_json(*changes))
                    : options.text ? show_text(reviewed->layers(), *changes)
                                   : show_names(*changes);
  if (shown && std::fflush(stdout) != 0 && errno != EPIPE) return std::unexpected(fault_with_errno("standard output"));
  return shown;
}

}  // namespace

void add_diff_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = app.add_subcommand("diff", "Show what a box has changed");
  command->add_option("BOX", options->box, "The box's name, as `fusebox boxes` lists it")->required();
  command->add_option("PATH", options->paths, "Only these paths and what lies below");
  auto* text =
      command->add_flag("--text", options->text, "With the changed lines of text files, as diff -u writes them");
  command->add_flag("--json", options->json, "Write JSON")->excludes(text);
  command->footer(
      R"(A line for each path that differs from the host: added, changed (and what of it), removed, replaced by a file
of another type, or renamed.  In brackets: set-user-ID files, devices and the like, which deserve a second look, and what
the host has changed since the box took it.

Exit status: 0; 125 if the box could not be compared.

Example:
  $ fusebox diff trial
  added     /home/ada/project/out/report
  changed   /home/ada/project/Makefile  (content, times)

  $ fusebox diff trial --text src)");
  command->callback([options, &result] {
    const Outcome<> done = diff(*options);
    result.exit_status = done ? 0 : report(done.error());
  });
}

}  // namespace fusebox::cli
