#include "ruby/prelude.h"

#include <array>

namespace fusebox::ruby {
namespace {

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

constexpr std::array kPrelude = {
    embedded("fusebox:system_error.rb", kSystemError),
    embedded("fusebox:kernel.rb", kKernel),
    embedded("fusebox:environment.rb", kEnvironment),
    embedded("fusebox:process.rb", kProcess),
    embedded("fusebox:system.rb", kSystem),
    embedded("fusebox:json.rb", kJson),
    embedded("fusebox:http.rb", kHttp),
};

}  // namespace

std::span<const EmbeddedText> prelude() { return kPrelude; }

}  // namespace fusebox::ruby
