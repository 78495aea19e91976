#include "efg_model_file.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "ufp/crc32.hpp"
#include "ufp/error.hpp"

namespace ufp
{
namespace
{

constexpr char magic[] = "\x89UFPEFG\n";
constexpr std::uint32_t newest_version = 1, mark = 0x01020304;
constexpr std::size_t prefix = 32;
constexpr long long largest_offset = 1LL << 53;  // exact in a JSON number

const char *const known_names[] = {
    "property",
    "descriptor",
    "centres",
    "zeta",
    "normalisation",
    "label",
    "baseline",
    "polarisable",
    "features",
    "polarisable_coefficients",
    "committee_baseline",
    "arrays",
    "coefficients",
    "active",
    "committee",
    "tensors_mixing",
    "invariants_mixing",
    "check_cell",
    "check_positions",
    "check_types",
    "check_structure",
    "check_centres",
    "check_expected",
};

template <class Unsigned> Unsigned little_endian(const char *bytes)
{
  Unsigned value = 0;
  for (std::size_t k = sizeof(Unsigned); k-- > 0;)
    value = static_cast<Unsigned>(value << 8 | static_cast<unsigned char>(bytes[k]));
  return value;
}

std::string hexadecimal(std::uint32_t value)
{
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", static_cast<unsigned>(value));
  return text;
}

std::string header_text(const std::string &bytes)
{
  if (bytes.size() < prefix || bytes.compare(0, 8, magic) != 0)
    throw DomainError("expected an EFG model, found another format");
  const auto version = little_endian<std::uint32_t>(&bytes[8]), order = little_endian<std::uint32_t>(&bytes[12]);
  if (order != mark)
    throw DomainError("expected the endianness mark " + hexadecimal(mark) + ", found " + hexadecimal(order) +
                      "; the file is damaged");
  if (version > newest_version || version == 0)
    throw DomainError("format version " + std::to_string(version) + "; this ufpnmr reads versions up to " +
                      std::to_string(newest_version) + "; install a newer one");
  const auto length = little_endian<std::uint64_t>(&bytes[16]);
  if (length > bytes.size() - prefix ||
      crc32(&bytes[prefix], static_cast<std::size_t>(length)) != little_endian<std::uint32_t>(&bytes[24]))
    throw DomainError("the checksum of the header is wrong; the file is damaged or cut, copy it again");
  return bytes.substr(prefix, static_cast<std::size_t>(length));
}

void refuse_unknown(const Json &header)
{
  const Json *const required = header.find("required");
  if (!required) return;
  std::string unknown;
  for (const std::string &name : required->strings())
    if (std::find(std::begin(known_names), std::end(known_names), name) == std::end(known_names))
      unknown += (unknown.empty() ? "" : ", ") + name;
  if (!unknown.empty())
    throw DomainError("requires " + unknown + ", which this ufpnmr does not understand; install a newer one");
}

std::size_t width_of(const std::string &dtype)
{
  return dtype == "<i4" ? 4 : dtype == "<f8" || dtype == "<i8" ? 8 : 0;
}

}  // namespace

EfgModelFile::EfgModelFile(const std::string &bytes) : bytes_(bytes), header_(Json::parse(header_text(bytes)))
{
  refuse_unknown(header_);
  for (const Json &entry : header_.at("arrays").members()) arrays_.push_back(checked(entry));
}

EfgModelFile::Array EfgModelFile::checked(const Json &entry) const
{
  Array array;
  array.name = entry.key();
  array.dtype = entry.at("dtype").string();
  const std::size_t width = width_of(array.dtype);
  if (width == 0) throw DomainError(array.name + ": expected one of <f8, <i4, <i8, found " + array.dtype);
  array.count = 1;
  bool fits = true;
  for (const Json &side : entry.at("shape").items()) {
    array.shape.push_back(static_cast<std::size_t>(side.integer(0, largest_offset)));
    fits = fits && (array.shape.back() == 0 || array.count <= bytes_.size() / array.shape.back());
    array.count = fits ? array.count * array.shape.back() : array.count;
  }
  const auto offset = static_cast<std::size_t>(entry.at("offset").integer(0, largest_offset));
  const std::size_t left = offset < bytes_.size() ? bytes_.size() - offset : 0;
  if (!fits || array.count > left / width)
    throw DomainError(array.name + ": expected more bytes than the " + std::to_string(left) +
                      " found; the file is cut, copy it again");
  array.data = bytes_.data() + offset;
  if (crc32(array.data, array.count * width) != entry.at("crc32").integer(0, 0xFFFFFFFFLL))
    throw DomainError(array.name + ": the checksum is wrong; the file is damaged, copy it again");
  return array;
}

const EfgModelFile::Array &EfgModelFile::find(const std::string &array) const
{
  const auto found = std::find_if(arrays_.begin(), arrays_.end(), [&](const Array &a) { return a.name == array; });
  if (found == arrays_.end()) throw DomainError("expected an array " + array + ", found none");
  return *found;
}

bool EfgModelFile::has(const std::string &array) const
{
  return std::any_of(arrays_.begin(), arrays_.end(), [&](const Array &a) { return a.name == array; });
}

std::vector<std::size_t> EfgModelFile::shape(const std::string &array) const
{
  return find(array).shape;
}

std::vector<double> EfgModelFile::doubles(const std::string &array) const
{
  const Array &source = find(array);
  if (source.dtype != "<f8") throw DomainError(array + ": expected numbers <f8, found " + source.dtype);
  std::vector<double> out(source.count);
  for (std::size_t k = 0; k < source.count; ++k) {
    const auto bits = little_endian<std::uint64_t>(source.data + 8 * k);
    std::memcpy(&out[k], &bits, sizeof bits);
  }
  return out;
}

std::vector<long long> EfgModelFile::integers(const std::string &array) const
{
  const Array &source = find(array);
  if (source.dtype == "<f8") throw DomainError(array + ": expected integers, found <f8");
  std::vector<long long> out(source.count);
  for (std::size_t k = 0; k < source.count; ++k)
    out[k] = source.dtype == "<i4" ? static_cast<std::int32_t>(little_endian<std::uint32_t>(source.data + 4 * k))
                                   : static_cast<long long>(little_endian<std::uint64_t>(source.data + 8 * k));
  return out;
}

}  // namespace ufp
