#include "ufp/crc32.hpp"

#include <array>

namespace ufp
{
namespace
{

constexpr std::array<std::uint32_t, 256> make_table()
{
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0u);
    table[byte] = value;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> table = make_table();

}  // namespace

std::uint32_t crc32(const char *data, std::size_t size) noexcept
{
  std::uint32_t value = 0xFFFFFFFFu;
  for (std::size_t k = 0; k < size; ++k)
    value = value >> 8 ^ table[(value ^ static_cast<unsigned char>(data[k])) & 0xFF];
  return ~value;
}

}  // namespace ufp
