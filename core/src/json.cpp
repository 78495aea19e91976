#include "ufp/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_set>

#include "ufp/error.hpp"

namespace ufp
{
namespace
{

constexpr int deepest = 64;

const char *name_of(Json::Kind kind)
{
  static const char *const names[] = {"null", "true or false", "a number", "a string", "an array", "an object"};
  return names[static_cast<int>(kind)];
}

bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

void append_utf8(std::string &out, unsigned code)
{
  const auto byte = [&out](unsigned value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | code >> 6);
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3F));
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

}  // namespace

class JsonParser
{
 public:
  explicit JsonParser(const std::string &text) : begin_(text.data()), p_(begin_), end_(begin_ + text.size()) {}

  Json document()
  {
    Json out;
    value(out, 0);
    space();
    if (p_ != end_) refuse("the end of the document");
    return out;
  }

 private:
  [[noreturn]] void refuse(const std::string &expected) const
  {
    throw DomainError("JSON: expected " + expected + " at byte " + std::to_string(p_ - begin_) + ", found " +
                      (p_ == end_ ? std::string("the end") : "'" + std::string(1, *p_) + "'"));
  }
  void space()
  {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
  }
  bool next_is(char c)
  {
    space();
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }
  bool word(const char *text)
  {
    const auto length = static_cast<std::ptrdiff_t>(std::strlen(text));
    if (end_ - p_ < length || !std::equal(text, text + length, p_)) return false;
    p_ += length;
    return true;
  }

  void value(Json &out, int depth)
  {
    if (depth > deepest) refuse("at most " + std::to_string(deepest) + " levels");
    space();
    if (p_ == end_) refuse("a value");
    if (*p_ == '"') {
      out.kind_ = Json::Kind::string;
      out.text_ = string();
    } else if (*p_ == '[') {
      array(out, depth);
    } else if (*p_ == '{') {
      object(out, depth);
    } else if (word("null")) {
      out.kind_ = Json::Kind::null;
    } else if (const bool yes = word("true"); yes || word("false")) {
      out.kind_ = Json::Kind::boolean;
      out.number_ = yes;
    } else {
      out.kind_ = Json::Kind::number;
      out.number_ = number();
    }
  }

  void array(Json &out, int depth)
  {
    out.kind_ = Json::Kind::array;
    ++p_;
    if (next_is(']')) return;
    do {
      out.values_.emplace_back();
      out.values_.back().key_ = out.key_;
      value(out.values_.back(), depth + 1);
    } while (next_is(','));
    if (!next_is(']')) refuse("',' or ']'");
  }

  void object(Json &out, int depth)
  {
    out.kind_ = Json::Kind::object;
    ++p_;
    if (next_is('}')) return;
    std::unordered_set<std::string> keys;
    do {
      space();
      if (p_ == end_ || *p_ != '"') refuse("a key");
      out.values_.emplace_back();
      Json &member = out.values_.back();
      member.key_ = string();
      if (!keys.insert(member.key_).second) refuse("each key once (" + member.key_ + ")");
      if (!next_is(':')) refuse("':'");
      value(member, depth + 1);
    } while (next_is(','));
    if (!next_is('}')) refuse("',' or '}'");
  }

  double number()
  {
    if (word("NaN")) return std::numeric_limits<double>::quiet_NaN();
    if (word("Infinity")) return std::numeric_limits<double>::infinity();
    if (word("-Infinity")) return -std::numeric_limits<double>::infinity();
    const char *const first = p_;
    if (p_ != end_ && *p_ == '-') ++p_;
    if (p_ != end_ && *p_ == '0') {
      ++p_;
    } else {
      digits();
    }
    if (p_ != end_ && *p_ == '.') {
      ++p_;
      digits();
    }
    if (p_ != end_ && (*p_ == 'e' || *p_ == 'E')) {
      ++p_;
      if (p_ != end_ && (*p_ == '+' || *p_ == '-')) ++p_;
      digits();
    }
    double out = 0;
    if (std::from_chars(first, p_, out).ec != std::errc()) {
      p_ = first;
      refuse("a number within the range of double precision");
    }
    return out;
  }

  void digits()
  {
    if (p_ == end_ || !is_digit(*p_)) refuse("a value");
    while (p_ != end_ && is_digit(*p_)) ++p_;
  }

  unsigned four_hex()
  {
    unsigned code = 0;
    if (end_ - p_ < 4 || std::from_chars(p_, p_ + 4, code, 16).ptr != p_ + 4) refuse("four hexadecimal digits");
    p_ += 4;
    return code;
  }

  unsigned escaped_code()
  {
    const unsigned code = four_hex();
    if (code < 0xD800 || code > 0xDFFF) return code;
    if (code > 0xDBFF || !word("\\u")) refuse("two halves of a surrogate pair");
    const unsigned low = four_hex();
    if (low < 0xDC00 || low > 0xDFFF) refuse("two halves of a surrogate pair");
    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }

  std::string string()
  {
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    std::string out;
    ++p_;
    while (p_ != end_ && *p_ != '"') {
      if (static_cast<unsigned char>(*p_) < 0x20) refuse("no control character in a string");
      if (*p_ != '\\') {
        out += *p_++;
        continue;
      }
      if (++p_ == end_) break;
      const char *const found = *p_ == '\0' ? nullptr : std::strchr(escapes, *p_);
      if (found) {
        out += meanings[found - escapes];
        ++p_;
      } else if (*p_ == 'u') {
        ++p_;
        append_utf8(out, escaped_code());
      } else {
        refuse("an escape");
      }
    }
    if (p_ == end_) refuse("the end of a string");
    ++p_;
    return out;
  }

  const char *begin_, *p_, *end_;
};

Json Json::parse(const std::string &text)
{
  return JsonParser(text).document();
}

void Json::require(Kind kind) const
{
  if (kind_ != kind)
    throw DomainError((key_.empty() ? "the document" : key_) + ": expected " + name_of(kind) + ", found " +
                      name_of(kind_));
}

bool Json::boolean() const
{
  require(Kind::boolean);
  return number_ != 0;
}

double Json::number() const
{
  require(Kind::number);
  return number_;
}

long long Json::integer(long long low, long long high) const
{
  require(Kind::number);
  if (!(std::floor(number_) == number_ && number_ >= static_cast<double>(low) && number_ <= static_cast<double>(high)))
    throw DomainError(key_ + ": expected a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                      ", found " + std::to_string(number_));
  return static_cast<long long>(number_);
}

const std::string &Json::string() const
{
  require(Kind::string);
  return text_;
}

const std::vector<Json> &Json::items() const
{
  require(Kind::array);
  return values_;
}

const std::vector<Json> &Json::members() const
{
  require(Kind::object);
  return values_;
}

const Json *Json::find(const std::string &key) const
{
  require(Kind::object);
  const auto found =
      std::find_if(values_.begin(), values_.end(), [&key](const Json &member) { return member.key_ == key; });
  return found == values_.end() ? nullptr : &*found;
}

const Json &Json::at(const std::string &key) const
{
  const Json *const found = find(key);
  if (!found) throw DomainError((key_.empty() ? "" : key_ + ": ") + "expected an entry " + key + ", found none");
  return *found;
}

std::vector<std::string> Json::strings() const
{
  std::vector<std::string> out;
  for (const Json &item : items()) out.push_back(item.string());
  return out;
}

std::vector<double> Json::numbers() const
{
  std::vector<double> out;
  for (const Json &item : items()) out.push_back(item.number());
  return out;
}

}  // namespace ufp
