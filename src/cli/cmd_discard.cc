#include "cli/cmd_discard.h"

#include <memory>
#include <string>
#include <vector>

#include "cli/box_argument.h"
#include "review/apply.h"
#include "review/discard.h"

namespace fusebox::cli {
namespace {

struct DiscardOptions {
  std::string box;
  std::vector<std::string> paths;
};

Outcome<> discard_paths(const review::Layers& layers, const review::Box& box, const review::Selection& selection,
                        const review::Progress& progress) {
  auto changes = review::scan(layers, review::Thoroughness::exact, progress);
  if (!changes) return std::unexpected(changes.error());
  const auto chosen = review::select(*std::move(changes), selection);
  if (!chosen) return std::unexpected(chosen.error());
  const review::UpperWriter upper(layers, box.work());
  return review::discard_changes(layers, upper, selection, *chosen);
}

Outcome<> discard(const DiscardOptions& options) {
  const auto selection = selection_of(options.paths);
  if (!selection) return std::unexpected(selection.error());
  auto reviewed = ReviewedBox::open(options.box);
  if (!reviewed) return std::unexpected(reviewed.error());
  review::Box& box = reviewed->box();
  if (const Outcome<> locked = box.lock(); !locked) return std::unexpected(locked.error());
  ProgressLine progress("discarding");
  const review::Layers layers = reviewed->layers();
  if (const auto word = box.word_of_apply()) {
    const review::HostWriter host(layers, *word);
    const Outcome<> cleared = review::clear_leftovers(layers, host, progress.progress());
    if (!cleared) return cleared;
  }
  if (selection->paths.empty()) return box.discard();
  return discard_paths(layers, box, *selection, progress.progress());
}

}  // namespace

void add_discard_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<DiscardOptions>();
  CLI::App* command = app.add_subcommand("discard", "Drop a box, or some of its changes");
  command->add_option("BOX", options->box, "The box's name, as `fusebox boxes` lists it")->required();
  command->add_option("PATH", options->paths, "Only what was changed at these paths and below");
  command->footer(R"(Nothing is asked, and nothing can be brought back.  A box in which something runs is not touched.

Exit status: 0; 125 if it could not be discarded.

Example:
  $ fusebox discard trial src
  $ fusebox discard trial)");
  command->callback([options, &result] {
    const Outcome<> done = discard(*options);
    result.exit_status = done ? 0 : report(done.error());
  });
}

}  // namespace fusebox::cli
