#include "cli/cmd_boxes.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/box_argument.h"
#include "review/usage.h"

namespace fusebox::cli {
namespace {

struct BoxesOptions {
  bool json = false;
};

struct Line {
  std::string name;
  std::string created;
  std::vector<std::string> command;
  std::uint64_t bytes = 0;
  std::size_t changes = 0;
  bool in_use = false;
};

Outcome<Line> look_at(const std::string& name, const review::Progress& progress) {
  auto reviewed = ReviewedBox::open(name);
  if (!reviewed) return std::unexpected(reviewed.error());
  Line line{
      .name = name, .created = reviewed->box().description().created, .command = reviewed->box().description().command};
  const auto locked = reviewed->box().try_lock();
  if (!locked) return std::unexpected(locked.error());
  line.in_use = !*locked;
  const auto bytes = review::bytes_used(reviewed->box().upper());
  if (!bytes) return std::unexpected(bytes.error());
  line.bytes = *bytes;
  const auto changes = reviewed->scan(review::Thoroughness::quick, progress);
  if (!changes) return std::unexpected(changes.error());
  line.changes = changes->size();
  return line;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kKibi = 1024;
  if (bytes < kKibi * kKibi) return fmt::format("{} KiB", (bytes + kKibi - 1) / kKibi);
  if (bytes < kKibi * kKibi * kKibi) return fmt::format("{} MiB", bytes / (kKibi * kKibi));
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(kKibi * kKibi * kKibi));
}

std::string as_text(const std::vector<Line>& lines) {
  std::string text = fmt::format("{:<24}  {:<25}  {:>9}  {:>8}\n", "NAME", "CREATED", "SIZE", "CHANGES");
  for (const Line& line : lines) {
    text += fmt::format("{:<24}  {:<25}  {:>9}  {:>8}{}\n", line.name, printable(line.created), size_text(line.bytes),
                        line.changes, line.in_use ? "  in use" : "");
  }
  return text;
}

std::string as_json(const std::vector<Line>& lines) {
  nlohmann::json list = nlohmann::json::array();
  for (const Line& line : lines) {
    nlohmann::json command = nlohmann::json::array();
    for (const std::string& word : line.command) command.push_back(printable(word));
    list.push_back({{"name", line.name},
                    {"created", printable(line.created)},
                    {"command", command},
                    {"bytes", line.bytes},
                    {"changes", line.changes},
                    {"in_use", line.in_use}});
  }
  return list.dump(2) + "\n";
}

int list_boxes(const BoxesOptions& options) {
  const auto names = review::box_names();
  if (!names) return report(names.error());
  int status = 0;
  std::vector<Line> lines;
  {
    ProgressLine progress("looking at");
    for (const std::string& name : *names) {
      const auto line = look_at(name, progress.progress());
      if (line) lines.push_back(*line);
      if (!line) status = report(line.error());
    }
  }
  if (names->empty() && !options.json) {
    std::fputs("fusebox: no box is kept (make one: fusebox run --cow --box NAME -- COMMAND)\n", stderr);
    return status;
  }
  const auto shown = show(options.json ? as_json(lines) : as_text(lines));
  return shown ? status : report(shown.error());
}

}  // namespace

void add_boxes_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<BoxesOptions>();
  CLI::App* command = app.add_subcommand("boxes", "List the boxes that keep changes");
  command->add_flag("--json", options->json, "Write JSON");
  command->footer(
      R"(Each with when it was made, how much disk its changes take, how many they are, and whether something runs
in it.  Here, files of equal size and time of modification count as equal: `fusebox diff` reads them.

Exit status: 0; 125 if a box could not be looked at (it is named on stderr, the others are shown).

Example:
  $ fusebox boxes
  NAME                      CREATED                         SIZE   CHANGES
  trial                     2026-03-01T14:02:11Z         372 KiB        63)");
  command->callback([options, &result] { result.exit_status = list_boxes(*options); });
}

}  // namespace fusebox::cli
