// A JSON document (RFC 8259), read strictly and in memory proportional to its length.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ufp
{

// A value; those of an object know their key, by which messages name them. Every function that asks for a kind throws
// DomainError "KEY: expected ..., found ..." for another one.
class Json
{
 public:
  enum class Kind { null, boolean, number, string, array, object };

  // Throws DomainError with the offset: anything but one value, a key that stands twice, more than 64 levels. Numbers
  // that are not finite are read as Python's json writes them: NaN, Infinity, -Infinity.
  static Json parse(const std::string &text);

  Kind kind() const { return kind_; }
  bool boolean() const;
  double number() const;
  // A whole number from low to high, both within ±2^53.
  long long integer(long long low, long long high) const;
  const std::string &string() const;
  const std::vector<Json> &items() const;    // of an array
  const std::vector<Json> &members() const;  // of an object, in the order of the text
  const std::string &key() const { return key_; }
  const Json *find(const std::string &key) const;  // nullptr where the object has no such key
  const Json &at(const std::string &key) const;    // throws DomainError where it has none
  std::vector<std::string> strings() const;        // of an array of strings
  std::vector<double> numbers() const;             // of an array of numbers

 private:
  friend class JsonParser;
  void require(Kind kind) const;

  Kind kind_ = Kind::null;
  double number_ = 0;  // or 0 and 1 of a boolean
  std::string key_, text_;
  std::vector<Json> values_;
};

}  // namespace ufp
