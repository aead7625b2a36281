// JSON and HTTP without a network; tests/acceptance has the rest.
#include <gtest/gtest.h>

#include <string>

#include "unit/ruby/evaluated.h"

namespace fusebox::ruby {
namespace {

TEST(Json, IsParsedIntoRubysOwnValues) {
  EXPECT_EQ(result_of(R"(JSON.parse('{"a": [1, -2.5, true, null, "\u00e9\u0000"], "b": {}}').inspect)"),
            R"({"a"=>[1, -2.5, true, nil, "\xc3\xa9\x00"], "b"=>{}})");
  EXPECT_EQ(result_of("JSON.parse('18446744073709551615').class"), "Float");
  EXPECT_EQ(result_of("JSON.parse('7')"), "7");
}

TEST(Json, IsGeneratedFromThemAndComesBackEqual) {
  EXPECT_EQ(result_of(R"(JSON.generate({ "a" => [1, 2.5, nil, true], b: "q\"\n\0" }))"),
            R"({"a":[1,2.5,null,true],"b":"q\"\n\u0000"})");
  EXPECT_EQ(result_of("x = { 'a' => [1, { 'b' => 'é' }], 'c' => [] }; JSON.parse(JSON.generate(x)) == x && "
                      "JSON.parse(JSON.pretty_generate(x)) == x"),
            "true");
}

TEST(Json, WhatIsNoneIsAnErrorWithItsPlace) {
  EXPECT_EQ(
      result_of("begin; JSON.parse('{\"a\": }'); rescue JSON::ParserError => e; e.message.include?('column 7'); end"),
      "true");
  EXPECT_EQ(result_of("begin; JSON.parse('[' * 100_000); rescue JSON::ParserError; 'refused'; end"), "refused");
  EXPECT_EQ(result_of("begin; \"\\xff\".to_json; rescue JSON::GeneratorError; 'refused'; end"), "refused");
  EXPECT_EQ(result_of("begin; JSON.generate(0.0 / 0.0); rescue JSON::GeneratorError; 'refused'; end"), "refused");
}

TEST(Http, UrlsAreEncodedAndDecoded) {
  EXPECT_EQ(result_of("HTTP::URL.encode('a b/é~')"), "a%20b%2F%C3%A9~");
  EXPECT_EQ(result_of("HTTP::URL.decode('a+b%2f%C3%A9%zz%')"), "a b/é%zz%");
}

TEST(Http, AnAnswersHeadIsTakenApart) {
  EXPECT_EQ(result_of(R"(r = HTTP::Response.parse(404, "HTTP/1.1 404 Not Found\r\nX-A: b: c\r\n\r\n", "body");
                        [r.status_code, r.message, r.headers, r["x-a"], r.content_length, r.chunked?].inspect)"),
            R"([404, "Not Found", {"X-A"=>"b: c"}, "b: c", 4, false])");
}

TEST(Http, WhereNoAnswerComesThereIsAnErrorThatSaysWhy) {
  const std::string line = result_of("Curl.new.get('http://127.0.0.1:1/')");
  EXPECT_TRUE(line.starts_with("test.rb:1: ")) << line;
  EXPECT_TRUE(line.ends_with("(Curl::Error)")) << line;
  EXPECT_TRUE(result_of("Curl.new.get('file:///etc/passwd')").ends_with("(Curl::Error)"));
}

}  // namespace
}  // namespace fusebox::ruby
