// The grammar of RFC 8259, its limits, and damage.
#include "ufp/json.hpp"

#include <cmath>
#include <string>

#include "check.hpp"
#include "damage.hpp"
#include "ufp/error.hpp"

namespace
{

using ufp::Json;

void values()
{
  const Json document = Json::parse(" {\"a\": [1, -2.5e1, 0, 1E+2], \"b\":{\"c d\": \"x\"},\t\"t\":true,\"f\":false,\n"
                                    "\"n\": null, \"none\": [], \"empty\": {}} ");
  CHECK(document.kind() == Json::Kind::object);
  CHECK(document.members().size() == 7);
  CHECK((document.at("a").numbers() == std::vector<double>{1, -25, 0, 100}));
  CHECK(document.at("b").at("c d").string() == "x");
  CHECK(document.at("b").members()[0].key() == "c d");
  CHECK(document.at("t").boolean() && !document.at("f").boolean());
  CHECK(document.at("n").kind() == Json::Kind::null);
  CHECK(document.at("none").items().empty() && document.at("empty").members().empty());
  CHECK(document.find("z") == nullptr);
  CHECK(Json::parse("9007199254740993").number() == 9007199254740992.0);
  CHECK(Json::parse("0.1").number() == 0.1);
  CHECK(Json::parse("4294967295").integer(0, 0xFFFFFFFFLL) == 0xFFFFFFFFLL);
  CHECK(std::isnan(Json::parse("NaN").number()));
  CHECK(Json::parse("-Infinity").number() < -1e308);
}

void strings()
{
  CHECK(Json::parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"").string() == "\"\\/\b\f\n\r\t");
  CHECK(Json::parse("\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\"").string() == "A\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(Json::parse("\"\xC3\xA4\"").string() == "\xC3\xA4");
  CHECK(Json::parse("\"\\u0000\"").string() == std::string(1, '\0'));
}

std::string refusal(const std::string &text)
{
  try {
    Json::parse(text);
  } catch (const ufp::DomainError &error) {
    return error.what();
  }
  return "";
}

void refusals()
{
  for (const char *const text : {"",
                                 " ",
                                 "{",
                                 "[",
                                 "[1,]",
                                 "[1 2]",
                                 "{\"a\"}",
                                 "{\"a\":}",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "01",
                                 "1.",
                                 ".5",
                                 "+1",
                                 "-",
                                 "1e",
                                 "1e999",
                                 "0x10",
                                 "nul",
                                 "True",
                                 "'a'",
                                 "\"a",
                                 "\"\\x\"",
                                 "\"\\u12g4\"",
                                 "\"\\ud800\"",
                                 "\"\\ud800\\u0041\"",
                                 "\"\\udc00\"",
                                 "\"\n\"",
                                 "1 1",
                                 "[]]",
                                 "{\"a\":1 \"b\":2}",
                                 "//",
                                 "[1,,2]",
                                 "\"\\"})
    CHECK(!refusal(text).empty());
  CHECK(refusal("{\"a\":1,\"a\":2}").find("each key once (a)") != std::string::npos);
  CHECK(refusal("[1, x]") == "JSON: expected a value at byte 4, found 'x'");
  CHECK(refusal(std::string(64, '[') + std::string(64, ']')).empty());
  CHECK(refusal(std::string(66, '[') + std::string(66, ']')).find("at most 64 levels") != std::string::npos);
  CHECK(refusal(std::string(1000000, '[')).find("at most 64 levels") != std::string::npos);
}

template <class Question> std::string wrong(const Question &question)
{
  try {
    question(Json::parse("{\"a\": {\"zeta\": 2.5, \"name\": \"x\", \"list\": [1, \"b\"]}}").at("a"));
  } catch (const ufp::DomainError &error) {
    return error.what();
  }
  return "";
}

void kinds()
{
  CHECK(wrong([](const Json &a) { a.at("zeta").integer(1, 16); }) ==
        "zeta: expected a whole number from 1 to 16, found 2.500000");
  CHECK(wrong([](const Json &a) { a.at("name").number(); }) == "name: expected a number, found a string");
  CHECK(wrong([](const Json &a) { a.at("list").numbers(); }) == "list: expected a number, found a string");
  CHECK(wrong([](const Json &a) { a.at("cutoff"); }) == "a: expected an entry cutoff, found none");
  CHECK(wrong([](const Json &a) { a.at("list").at("x"); }) == "list: expected an object, found an array");
  CHECK(wrong([](const Json &a) { a.items(); }) == "a: expected an array, found an object");
  CHECK(wrong([](const Json &a) { a.at("zeta").boolean(); }) == "zeta: expected true or false, found a number");
}

void damage()
{
  const std::string whole = "{\"a\": [1, -2.5e1, {\"b\": \"\\u00e4\\n\"}], \"c\": [true, false, null], \"d\": NaN}";
  Damage damaged(11);
  int accepted = 0;
  for (int round = 0; round < 50000; ++round)
    accepted +=
        refusal(damaged(whole, {"[", "]", "{", "}", "\"", "\\", "\\u", ",", ":", "1e", "-", "null", "\0"})).empty();
  CHECK(accepted > 100 && accepted < 25000);
}

}  // namespace

int main()
{
  values();
  strings();
  refusals();
  kinds();
  damage();
}
