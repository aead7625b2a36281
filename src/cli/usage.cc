#include "cli/usage.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "policy/suggest.h"

namespace fusebox::cli {
namespace {

// The command that was being parsed when the line ended, and how a user calls it.
struct Spoken {
  const CLI::App* command;
  std::string name;
};

Spoken spoken(const CLI::App& app) {
  Spoken found{&app, app.get_name()};
  for (auto under = app.get_subcommands(); !under.empty(); under = found.command->get_subcommands()) {
    found.command = under.front();
    found.name += " " + found.command->get_name();
  }
  return found;
}

std::string unexpected_word(const CLI::App& command) {
  const std::vector<std::string> words = command.remaining();
  const auto word = std::ranges::find_if(words, [](const std::string& text) { return text != "--"; });
  return word == words.end() ? std::string() : *word;
}

// Without the value: --option=value.
std::string_view name_in(std::string_view word) { return word.substr(0, word.find('=')); }

std::string nearest_of(std::string_view word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  return policy::suggest(word, views);
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace

Fault usage_fault(const CLI::App& app, const CLI::ParseError& error) {
  const auto [command, name] = spoken(app);
  const std::string word = unexpected_word(*command);
  const std::string help = name + " --help";
  if (word.empty()) return {.what = error.what(), .why = {}, .remedy = help, .code = ExitCode::usage};
  if (word.starts_with('-')) {
    const std::string hint = nearest_of(name_in(word), options_of(*command));
    const bool is_near = hint.starts_with("did you mean");
    return {.what = std::string(name_in(word)),
            .why = "no option of " + name,
            .remedy = is_near ? hint : help,
            .code = ExitCode::usage};
  }
  const std::vector<std::string> commands = commands_of(*command);
  if (commands.empty())
    return {.what = word, .why = "one word too many for " + name, .remedy = help, .code = ExitCode::usage};
  return {.what = word, .why = "no such command", .remedy = nearest_of(word, commands), .code = ExitCode::usage};
}

}  // namespace fusebox::cli
