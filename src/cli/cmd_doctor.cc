#include "cli/cmd_doctor.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "box/probe.h"

namespace fusebox::cli {
namespace {

struct DoctorOptions {
  bool json = false;
  bool fix = false;
};

const char* word_for(box::Offer offer) {
  switch (offer) {
    case box::Offer::ok:
      return "ok";
    case box::Offer::limited:
      return "limited";
    case box::Offer::missing:
      return "missing";
  }
  return "missing";
}

std::string as_text(const std::vector<box::Finding>& findings) {
  std::string text;
  for (const auto& finding : findings) {
    text += fmt::format("{:<7}  {:<18}  {}", word_for(finding.offer), finding.name, printable(finding.meaning));
    if (!finding.remedy.empty()) text += " \u2014 " + printable(finding.remedy);
    text += '\n';
  }
  text += box::can_make_boxes(findings) ? "fusebox run works here\n" : "fusebox run cannot work here\n";
  return text;
}

std::string as_json(const std::vector<box::Finding>& findings) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& finding : findings) {
    list.push_back({{"name", finding.name},
                    {"state", word_for(finding.offer)},
                    {"meaning", printable(finding.meaning)},
                    {"remedy", printable(finding.remedy)},
                    {"required", finding.required}});
  }
  const nlohmann::json report = {{"run", box::can_make_boxes(findings)}, {"findings", list}};
  return report.dump(2) + "\n";
}

int diagnose(const DoctorOptions& options) {
  if (options.fix) {
    if (auto fixed = box::enable_fuse_over_io_uring(); !fixed) return report(fixed.error());
  }
  const auto findings = box::probe_machine();
  const std::string text = options.json ? as_json(findings) : as_text(findings);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return report(fault_with_errno("write the findings"));
  }
  return box::can_make_boxes(findings) ? 0 : 1;
}

}  // namespace

void add_doctor_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<DoctorOptions>();
  auto* doctor = app.add_subcommand("doctor", "Says what this machine offers Fusebox, and what to do about it");
  doctor->add_flag("--json", options->json, "As JSON");
  doctor->add_flag("--fix", options->fix, "Switch FUSE over io_uring on, until the next boot (root)");
  doctor->footer(
      "Exit status: 0 when `fusebox run` can work here, 1 when not.\n"
      "Example:\n  fusebox doctor\n  sudo fusebox doctor --fix");
  doctor->callback([options, &result] { result.exit_status = diagnose(*options); });
}

}  // namespace fusebox::cli
