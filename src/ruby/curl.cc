// One HTTP request by libcurl; prelude/http.rb has the classes.
#include <curl/curl.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/error.h>

#include <array>
#include <cctype>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/curl_library.h"
#include "ruby/bind.h"
#include "ruby/modules.h"

namespace fusebox::ruby {
namespace {

constexpr std::size_t kLargestBody = std::size_t{64} << 20;  // of an answer, unless a block takes it piece by piece
constexpr std::size_t kLargestHead = std::size_t{1} << 20;

// All of one request, owned by Ruby's garbage collector: Ruby may jump out of the middle of it.
struct Exchange {
  // Asked.
  std::string method{};
  std::string url{};
  std::string body{};
  bool has_body = false;
  long timeout_ms = 0;
  long http_version = 0;
  bool verify_peer = true;
  std::string ca_file{};
  curl_slist* headers = nullptr;
  const http::CurlLibrary* curl = nullptr;
  CURL* handle = nullptr;

  // Answered.
  long status = 0;
  std::string head{};  // the lines of the last answer, redirections aside
  std::string answer{};
  std::array<char, CURL_ERROR_SIZE> error{};

  // Where the answer goes to a block.
  mrb_state* mrb = nullptr;
  mrb_value block{};
  mrb_value raised{};  // by the block

  ~Exchange() {
    if (headers != nullptr) curl->slist_free_all(headers);
    if (handle != nullptr) curl->easy_cleanup(handle);
  }
};

std::size_t take_head(char* data, std::size_t, std::size_t size, void* opaque) {
  Exchange& exchange = *static_cast<Exchange*>(opaque);
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) exchange.head.clear();
  if (exchange.head.size() + size > kLargestHead) return 0;
  exchange.head.append(line);
  return size;
}

struct Piece {
  Exchange& exchange;
  std::string_view data;
};

mrb_value yield_piece(mrb_state* mrb, void* opaque) {
  const Piece& piece = *static_cast<Piece*>(opaque);
  const std::array<mrb_value, 2> arguments = {to_ruby(mrb, piece.exchange.head), to_ruby(mrb, piece.data)};
  return mrb_yield_argv(mrb, piece.exchange.block, arguments.size(), arguments.data());
}

// Called by libcurl, over whose frames neither world may jump.
std::size_t take_body(char* data, std::size_t, std::size_t size, void* opaque) {
  Exchange& exchange = *static_cast<Exchange*>(opaque);
  if (mrb_nil_p(exchange.block)) {
    if (exchange.answer.size() + size > kLargestBody) return 0;
    exchange.answer.append(data, size);
    return size;
  }
  Piece piece{exchange, {data, size}};
  mrb_bool failed = FALSE;
  const mrb_value result = mrb_protect_error(exchange.mrb, yield_piece, &piece, &failed);
  if (!failed) return size;
  exchange.raised = result;
  return 0;
}

bool add_header(Exchange& exchange, const std::string& line) {
  curl_slist* const longer = exchange.curl->slist_append(exchange.headers, line.c_str());
  if (longer == nullptr) return false;
  exchange.headers = longer;
  return true;
}

void set_method(Exchange& exchange) {
  const http::CurlLibrary& curl = *exchange.curl;
  CURL* const handle = exchange.handle;
  if (exchange.has_body) {
    // The size first: a body may hold NUL, and what is copied is as long as was said before.
    curl.easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(exchange.body.size()));
    curl.easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, exchange.body.c_str());
  }
  if (exchange.method == "HEAD") curl.easy_setopt(handle, CURLOPT_NOBODY, 1L);
  curl.easy_setopt(handle, CURLOPT_CUSTOMREQUEST, exchange.method.c_str());
}

CURLcode perform(Exchange& exchange) {
  const http::CurlLibrary& curl = *exchange.curl;
  CURL* const handle = exchange.handle = curl.easy_init();
  if (handle == nullptr) return CURLE_OUT_OF_MEMORY;
  curl.easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange.error.data());
  curl.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl.easy_setopt(handle, CURLOPT_URL, exchange.url.c_str());
  curl.easy_setopt(handle, CURLOPT_TIMEOUT_MS, exchange.timeout_ms);
  curl.easy_setopt(handle, CURLOPT_HTTP_VERSION, exchange.http_version);
  curl.easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, exchange.verify_peer ? 1L : 0L);
  if (!exchange.ca_file.empty()) curl.easy_setopt(handle, CURLOPT_CAINFO, exchange.ca_file.c_str());
  curl.easy_setopt(handle, CURLOPT_HTTPHEADER, exchange.headers);
  curl.easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_head);
  curl.easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl.easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl.easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  set_method(exchange);
  const CURLcode code = curl.easy_perform(handle);
  curl.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &exchange.status);
  return code;
}

// http(method, url, header lines, body or nil, [timeout_ms, http_version, verify_peer, ca_file or nil]) { |head, piece|
// } gives [status, head, body].
mrb_value http(mrb_state* mrb, mrb_value) {
  mrb_value method;
  mrb_value url;
  mrb_value headers;
  mrb_value body;
  mrb_int timeout = 0;
  mrb_int version = 0;
  mrb_bool verify = TRUE;
  mrb_value ca_file;
  mrb_value block = mrb_nil_value();
  mrb_get_args(mrb, "SSAS!iibS!&", &method, &url, &headers, &body, &timeout, &version, &verify, &ca_file, &block);
  RClass* const curl_error = mrb_class_get_under(mrb, mrb_class_get(mrb, "Curl"), "Error");
  const Outcome<http::CurlLibrary>& library = http::CurlLibrary::get();
  if (!library) raise(mrb, curl_error, library.error().why.c_str());
  auto& exchange = owned_by_ruby<Exchange>(mrb);
  exchange.curl = &*library;
  exchange.method = view_of(method);
  exchange.url = view_of(url);
  exchange.has_body = !mrb_nil_p(body);
  if (exchange.has_body) exchange.body = view_of(body);
  exchange.timeout_ms = timeout;
  exchange.http_version = version;
  exchange.verify_peer = verify;
  if (!mrb_nil_p(ca_file)) exchange.ca_file = view_of(ca_file);
  exchange.mrb = mrb;
  exchange.block = block;
  exchange.raised = mrb_nil_value();
  for (mrb_int i = 0; i < RARRAY_LEN(headers); ++i) {
    const mrb_value line = RARRAY_PTR(headers)[i];
    if (mrb_string_p(line)) add_header(exchange, std::string(view_of(line)));
  }
  add_header(exchange, "Expect:");  // no round trip before a body
  const CURLcode code = perform(exchange);
  if (!mrb_nil_p(exchange.raised)) mrb_exc_raise(mrb, exchange.raised);
  if (code != CURLE_OK) {
    const char* const why = exchange.error[0] != '\0' ? exchange.error.data() : exchange.curl->easy_strerror(code);
    raise(mrb, curl_error, why);
  }
  const std::array<mrb_value, 3> result = {mrb_int_value(mrb, exchange.status), to_ruby(mrb, exchange.head),
                                           to_ruby(mrb, exchange.answer)};
  return mrb_ary_new_from_values(mrb, result.size(), result.data());
}

}  // namespace

void define_curl(mrb_state* mrb) {
  RClass* const curl = mrb_define_class(mrb, "Curl", mrb->object_class);
  mrb_define_class_under(mrb, curl, "Error", mrb->eStandardError_class);
  mrb_define_const(mrb, curl, "HTTP_1_0", mrb_fixnum_value(CURL_HTTP_VERSION_1_0));
  mrb_define_const(mrb, curl, "HTTP_1_1", mrb_fixnum_value(CURL_HTTP_VERSION_1_1));
  mrb_define_module_function(mrb, fusebox_module(mrb), "http", method_of<http>, MRB_ARGS_REQ(8));
}

}  // namespace fusebox::ruby
