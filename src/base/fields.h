// Messages between our own processes: fields without NUL, with one between them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox {

inline std::string join_fields(std::initializer_list<std::string_view> fields) {
  std::string message;
  for (const std::string_view* field = fields.begin(); field != fields.end(); ++field) {
    if (field != fields.begin()) message += '\0';
    message += *field;
  }
  return message;
}

inline std::vector<std::string_view> split_fields(std::string_view message) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t end = message.find('\0');
    fields.push_back(message.substr(0, end));
    if (end == std::string_view::npos) return fields;
    message.remove_prefix(end + 1);
  }
}

}  // namespace fusebox
