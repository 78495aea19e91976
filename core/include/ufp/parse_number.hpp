// Decimal text to double, exactly rounded; several times faster than strtod on the short numbers of a dump.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace ufp
{
namespace digits
{

inline constexpr double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
inline constexpr std::uint64_t whole_power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

// Eight characters minus '0', the first one in the lowest byte.
inline std::uint64_t load(const char *p)
{
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, p, sizeof bytes);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  bytes = __builtin_bswap64(bytes);
#endif
  return bytes ^ 0x3030303030303030U;
}

// Bit 7 of every byte that is no digit; exact up to and with the first of them and, for printable text, all of them.
inline std::uint64_t others(std::uint64_t eight)
{
  return ((eight + 0x7676767676767676U) | eight) & 0x8080808080808080U;
}

// How many of the eight are digits, counted from the first; 8 if all are.
inline int count(std::uint64_t eight)
{
  const std::uint64_t rest = others(eight);
  return rest == 0 ? 8 : __builtin_ctzll(rest) >> 3;
}

// Eight digits, leading zeros included. Neighbours are joined to pairs, pairs to fours, fours to one number.
inline std::uint64_t join(std::uint64_t v)
{
  v = 10 * v + (v >> 8);
  constexpr std::uint64_t mask = 0x000000FF000000FFU;
  return ((v & mask) * 0x000F424000000064U + ((v >> 16) & mask) * 0x0000271000000001U) >> 32;
}

// Value of the first n digits, n <= 7.
inline std::uint64_t value(std::uint64_t eight, int n)
{
  return join((eight << 8) << (56 - 8 * n));
}

// Without a branch, which half of all velocities would take.
inline double with_sign(double magnitude, bool negative)
{
  std::uint64_t bits = 0;
  std::memcpy(&bits, &magnitude, sizeof bits);
  bits ^= static_cast<std::uint64_t>(negative) << 63;
  std::memcpy(&magnitude, &bits, sizeof bits);
  return magnitude;
}

}  // namespace digits

// Up to 7 digits, perhaps a point among them, then a blank: most numbers of a dump. nullptr: something else.
inline const char *parse_short(const char *p, bool negative, double &value)
{
  constexpr int behind = 8 * 8 + 7;
  const std::uint64_t eight = digits::load(p);
  const std::uint64_t point = digits::others(eight), end = point & (point - 1);
  if (point == 0) return nullptr;
  const int point_bit = __builtin_ctzll(point), end_bit = end == 0 ? behind : __builtin_ctzll(end);
  const char stop = p[point_bit >> 3];
  if (stop == '.') {
    const char *const after = p + (end_bit >> 3);
    if (static_cast<unsigned char>(*after) > ' ' || end_bit < 23) return nullptr;
    const std::uint64_t before_point = (point ^ (point - 1)) >> 8;
    const std::uint64_t joined = (eight & before_point) | ((eight >> 8) & ~before_point);
    const double mantissa = static_cast<double>(static_cast<std::int64_t>(digits::join(joined << (79 - end_bit))));
    value = digits::with_sign(mantissa / digits::power[(end_bit - point_bit) / 8 - 1], negative);
    return after;
  }
  if (static_cast<unsigned char>(stop) > ' ' || point_bit < 15) return nullptr;
  const std::uint64_t mantissa = digits::join(eight << (71 - point_bit));
  value = digits::with_sign(static_cast<double>(static_cast<std::int64_t>(mantissa)), negative);
  return p + (point_bit >> 3);
}

// Reads a number that starts at `begin` and returns the first character after it; nullptr if there is none.
inline const char *parse_number(const char *begin, const char *end, double &value)
{
  constexpr std::uint64_t exact = std::uint64_t{1} << 53;  // doubles hold every whole number up to here
  const char *p = begin;
  const bool negative = p != end && *p == '-';
  p += negative;

  // Up to 7 digits, then perhaps a point and up to 15 more. Both operands of the division are exact, so that its one
  // rounding is the right one (Clinger 1990).
  if (end - p >= 32) {
    if (const char *const after = parse_short(p, negative, value)) return after;
    const std::uint64_t whole = digits::load(p);
    const int n = digits::count(whole);
    if (n > 0 && n < 8) {
      std::uint64_t mantissa = digits::value(whole, n);
      const char *q = p + n;
      int fraction = 0;
      bool fits = true;
      if (*q == '.') {
        std::uint64_t eight = digits::load(++q);
        fraction = digits::count(eight);
        if (fraction == 8) {
          mantissa = mantissa * 100000000U + digits::join(eight);
          eight = digits::load(q + 8);
          const int more = digits::count(eight);
          fits = more < 8 && n + 8 + more <= 19;
          if (fits) mantissa = mantissa * digits::whole_power[more] + digits::value(eight, more);
          fraction += more;
        } else {
          mantissa = mantissa * digits::whole_power[fraction] + digits::value(eight, fraction);
        }
        q += fraction;
      }
      if (fits && mantissa <= exact && (*q | 0x20) != 'e') {
        const double magnitude = static_cast<double>(static_cast<std::int64_t>(mantissa));
        value = digits::with_sign(magnitude / digits::power[fraction], negative);
        return q;
      }
    }
  }

  if (!negative && p != end && *p == '+') ++p;
  double magnitude = 0;
  const auto result = std::from_chars(p, end, magnitude);
  if (result.ec != std::errc() || (p != end && *p == '-')) return nullptr;
  value = digits::with_sign(magnitude, negative);
  return result.ptr;
}

}  // namespace ufp
