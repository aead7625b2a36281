#include "ruby/prelude.h"

#include <array>

namespace fusebox::ruby {
namespace {

// #embed is C23; clang 19 takes it in C++ too and lists the files as dependencies.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
constexpr char kSystemError[] = {
#embed "prelude/system_error.rb"
};
constexpr char kKernel[] = {
#embed "prelude/kernel.rb"
};
constexpr char kEnvironment[] = {
#embed "prelude/environment.rb"
};
constexpr char kProcess[] = {
#embed "prelude/process.rb"
};
constexpr char kSystem[] = {
#embed "prelude/system.rb"
};
constexpr char kJson[] = {
#embed "prelude/json.rb"
};
constexpr char kHttp[] = {
#embed "prelude/http.rb"
};
#pragma clang diagnostic pop

constexpr std::array<PreludeFile, 7> kPrelude = {{
    {"fusebox:system_error.rb", {kSystemError, sizeof kSystemError}},
    {"fusebox:kernel.rb", {kKernel, sizeof kKernel}},
    {"fusebox:environment.rb", {kEnvironment, sizeof kEnvironment}},
    {"fusebox:process.rb", {kProcess, sizeof kProcess}},
    {"fusebox:system.rb", {kSystem, sizeof kSystem}},
    {"fusebox:json.rb", {kJson, sizeof kJson}},
    {"fusebox:http.rb", {kHttp, sizeof kHttp}},
}};

}  // namespace

std::span<const PreludeFile> prelude() { return kPrelude; }

}  // namespace fusebox::ruby
