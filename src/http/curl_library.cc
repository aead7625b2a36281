#include "http/curl_library.h"

#include <dlfcn.h>

namespace fusebox::http {

const Outcome<CurlLibrary>& CurlLibrary::get() {
  static const Outcome<CurlLibrary> library = load();
  return library;
}

Outcome<CurlLibrary> CurlLibrary::load() {
  const auto fault = [] {
    return std::unexpected(Fault{.what = "HTTP", .why = ::dlerror(), .remedy = "install libcurl4"});
  };
  void* library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fault();
  CurlLibrary curl;
  bool is_complete = true;
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    is_complete = is_complete && function != nullptr;
  };
  decltype(&::curl_global_init) global_init = nullptr;
  find("curl_global_init", global_init);
  find("curl_easy_init", curl.easy_init);
  find("curl_easy_cleanup", curl.easy_cleanup);
  find("curl_easy_perform", curl.easy_perform);
  find("curl_easy_setopt", curl.easy_setopt);
  find("curl_easy_getinfo", curl.easy_getinfo);
  find("curl_easy_strerror", curl.easy_strerror);
  find("curl_slist_append", curl.slist_append);
  find("curl_slist_free_all", curl.slist_free_all);
  find("curl_multi_init", curl.multi_init);
  find("curl_multi_cleanup", curl.multi_cleanup);
  find("curl_multi_add_handle", curl.multi_add_handle);
  find("curl_multi_remove_handle", curl.multi_remove_handle);
  find("curl_multi_perform", curl.multi_perform);
  find("curl_multi_poll", curl.multi_poll);
  find("curl_multi_info_read", curl.multi_info_read);
  if (!is_complete) return fault();
  if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return std::unexpected(Fault{.what = "HTTP", .why = "libcurl does not start", .remedy = {}});
  }
  return curl;
}

}  // namespace fusebox::http
