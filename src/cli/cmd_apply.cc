#include "cli/cmd_apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/box_argument.h"
#include "review/apply.h"

namespace fusebox::cli {
namespace {

struct ApplyCommandOptions {
  std::string box;
  std::vector<std::string> paths;
  bool force = false;
  bool dry_run = false;
  bool device_nodes = false;
};

std::string lines_of(const std::vector<review::Change>& changes) {
  std::string text;
  for (const review::Change& change : changes) text += review::to_line(change);
  return text;
}

int refuse(const std::string& box, const review::ApplyResult& result) {
  std::string both;
  for (const review::Change& change : result.refused) both += review::describe_conflict(change);
  std::fwrite(both.data(), 1, both.size(), stderr);
  const std::size_t count = result.refused.size();
  report(Fault{.what = "apply " + box,
               .why = fmt::format("{} changed on the host since the box took {}: {}",
                                  count == 1 ? "a path" : fmt::format("{} paths", count), count == 1 ? "it" : "them",
                                  result.applied.empty() ? "nothing was applied" : "not applied"),
               .remedy = "see `fusebox diff --text`; name the paths to apply, discard the others, or use --force"});
  return 1;
}

// By path.
Outcome<std::vector<review::Change>> choose(const review::Layers& layers, const review::Selection& selection) {
  ProgressLine progress("looking");
  auto changes = review::scan(layers, review::Thoroughness::exact, progress.progress());
  if (!changes) return changes;
  auto chosen = review::select(*std::move(changes), selection);
  if (chosen) std::ranges::sort(*chosen, {}, &review::Change::path);
  return chosen;
}

// What stands in the way; applies nothing.
Outcome<review::ApplyResult> would_apply(std::vector<review::Change> chosen, const review::ApplyOptions& how) {
  std::erase_if(chosen, [&](const review::Change& change) { return how.force || change.conflict.empty(); });
  return review::ApplyResult{.refused = std::move(chosen)};
}

Outcome<review::ApplyResult> apply(review::Box& box, const review::Layers& layers, std::vector<review::Change> chosen,
                                   const review::ApplyOptions& how) {
  const auto word = box.begin_apply();
  if (!word) return std::unexpected(word.error());
  ProgressLine progress("applying");
  auto result = review::apply(layers, box.work(), *word, std::move(chosen), how, progress.progress());
  if (!result) return result;
  if (const Outcome<> ended = box.end_apply(); !ended) return std::unexpected(ended.error());
  return result;
}

Outcome<int> apply_box(const ApplyCommandOptions& options) {
  auto selection = selection_of(options.paths);
  if (!selection) return std::unexpected(selection.error());
  auto reviewed = ReviewedBox::open(options.box);
  if (!reviewed) return std::unexpected(reviewed.error());
  review::Box& box = reviewed->box();
  if (const Outcome<> locked = box.lock(); !locked) return std::unexpected(locked.error());
  const review::Layers layers = reviewed->layers();
  const review::ApplyOptions how{.selection = *selection, .force = options.force, .device_nodes = options.device_nodes};
  auto chosen = choose(layers, *selection);
  if (!chosen) return std::unexpected(chosen.error());
  if (options.dry_run) {
    if (const Outcome<> shown = show(lines_of(*chosen)); !shown) return std::unexpected(shown.error());
  }
  if (const Outcome<> wanted = review::check_devices(*chosen, how); !wanted) return std::unexpected(wanted.error());
  const auto result =
      options.dry_run ? would_apply(*std::move(chosen), how) : apply(box, layers, *std::move(chosen), how);
  if (!result) return std::unexpected(result.error());
  if (const Outcome<> shown = show(lines_of(result->applied)); !shown) return std::unexpected(shown.error());
  return result->refused.empty() ? 0 : refuse(options.box, *result);
}

}  // namespace

void add_apply_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<ApplyCommandOptions>();
  CLI::App* command = app.add_subcommand("apply", "Make the host equal to a box");
  command->add_option("BOX", options->box, "The box's name, as `fusebox boxes` lists it")->required();
  command->add_option("PATH", options->paths, "Only these paths and what lies below");
  command->add_flag("--dry-run", options->dry_run, "Only say what would be done");
  command->add_flag("--force", options->force, "Also where the host has changed since the box took its copy");
  command->add_flag("--device-nodes", options->device_nodes, "Also device nodes that no PATH names");
  command->footer(
      R"(Makes the changes that `fusebox diff` lists, and takes them out of the box.  Each file is replaced in one step:
nobody ever sees half of one.  After a kill or a loss of power, the same command goes on.

Where the host has changed since, nothing at all is applied, and both sides are shown.  Neither is anything where a
device node would be made that no PATH names.

Exit status: 0; 1 if the host has changed since, or for a device node; 125 if something failed (what was applied by then stays).

Example:
  $ fusebox apply trial --dry-run
  $ fusebox apply trial src
  changed   /home/ada/project/src/main.c  (content, times))");
  command->callback([options, &result] {
    const Outcome<int> status = apply_box(*options);
    result.exit_status = status ? *status : report(status.error());
  });
}

}  // namespace fusebox::cli
