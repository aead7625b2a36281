#include "cli/cmd_export.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "cli/box_argument.h"
#include "review/export.h"

namespace fusebox::cli {
namespace {

struct ExportOptions {
  std::string box;
  std::string file;
};

Outcome<> write_layer(const ReviewedBox& reviewed, int fd, int& complaints) {
  ProgressLine progress("exporting");
  const auto changes = reviewed.scan(review::Thoroughness::exact, progress.progress());
  if (!changes) return std::unexpected(changes.error());
  return review::export_layer(reviewed.layers(), *changes, fd, progress.progress(), [&](const Fault& fault) {
    report(fault);
    ++complaints;
  });
}

// A pipe or a device: what is no file has no other name until it is whole.
bool is_no_file(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

Outcome<> write_into(const ReviewedBox& reviewed, const std::string& path, int& complaints) {
  const Fd out(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!out) return std::unexpected(fault_with_errno(path));
  return write_layer(reviewed, out.get(), complaints);
}

// Under another name until it is whole.
Outcome<> write_file(const ReviewedBox& reviewed, const std::string& file, int& complaints) {
  const std::string temporary = file + ".part";
  const Fd out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out) return std::unexpected(fault_with_errno(temporary));
  const Outcome<> written = write_layer(reviewed, out.get(), complaints);
  if (written && ::rename(temporary.c_str(), file.c_str()) == 0) return {};
  const Fault fault = written ? fault_with_errno(file) : written.error();
  ::unlink(temporary.c_str());
  return std::unexpected(fault);
}

Outcome<int> export_box(const ExportOptions& options) {
  auto reviewed = ReviewedBox::open(options.box);
  if (!reviewed) return std::unexpected(reviewed.error());
  if (const Outcome<> locked = reviewed->box().lock(); !locked) return std::unexpected(locked.error());
  const bool is_stdout = options.file == "-";
  if (is_stdout && ::isatty(STDOUT_FILENO) == 1) {
    return std::unexpected(Fault{.what = "export",
                                 .why = "a terminal cannot take a tar file",
                                 .remedy = "name a file",
                                 .code = ExitCode::usage});
  }
  int complaints = 0;
  const auto write = is_no_file(options.file) ? &write_into : &write_file;
  const Outcome<> written =
      is_stdout ? write_layer(*reviewed, STDOUT_FILENO, complaints) : write(*reviewed, options.file, complaints);
  if (!written) return std::unexpected(written.error());
  return complaints == 0 ? 0 : 1;
}

}  // namespace

void add_export_command(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Write a box as a layer of a container image");
  command->add_option("BOX", options->box, "The box's name, as `fusebox boxes` lists it")->required();
  command->add_option("FILE", options->file, "The tar file to write; - for standard output")->required();
  command->footer(
      R"(Writes what the box has added and changed, with `.wh.NAME` for what it has removed: an uncompressed layer as
the OCI image specification has it, for umoci, skopeo, docker and podman.  The same box gives the same bytes.  Readable by
nobody else until you say so: a box may hold secrets.

Exit status: 0; 1 if sockets were left out, which no tar file can hold; 125 if it could not be written.

Example:
  $ fusebox export trial layer.tar
  $ fusebox export trial - | tar -t)");
  command->callback([options, &result] {
    const Outcome<int> status = export_box(*options);
    result.exit_status = status ? *status : report(status.error());
  });
}

}  // namespace fusebox::cli
