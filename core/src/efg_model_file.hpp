// The container of a model file: a header in JSON and named arrays behind it, all with checksums. The layout is
// described in python/ufpnmr/efg/model_file.py, which writes it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ufp/json.hpp"

namespace ufp
{

class EfgModelFile
{
 public:
  // bytes: the whole file; must outlive this object. Throws DomainError: another format, a newer version, an entry that
  // is required but unknown, damage.
  explicit EfgModelFile(const std::string &bytes);

  const Json &header() const { return header_; }
  bool has(const std::string &array) const;
  std::vector<std::size_t> shape(const std::string &array) const;
  // Elements in C order. Throw DomainError: no such array, or not of numbers with 8 bytes or integers.
  std::vector<double> doubles(const std::string &array) const;
  std::vector<long long> integers(const std::string &array) const;

 private:
  struct Array {
    std::string name, dtype;
    std::vector<std::size_t> shape;
    std::size_t count;
    const char *data;
  };
  Array checked(const Json &entry) const;
  const Array &find(const std::string &array) const;

  const std::string &bytes_;
  Json header_;
  std::vector<Array> arrays_;
};

}  // namespace ufp
