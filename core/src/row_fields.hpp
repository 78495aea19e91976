// Where the words of a line begin (private to the core).
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace ufp
{

// One bit per character of 64.
struct CharacterMask {
  std::uint64_t blank = 0;  // space and everything below, the newline too
  std::uint64_t newline = 0;
};

inline CharacterMask character_mask(const char *p)
{
  CharacterMask mask;
#ifdef __SSE2__
  const __m128i space = _mm_set1_epi8(' '), newline = _mm_set1_epi8('\n');
  for (int i = 0; i < 4; ++i) {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i *>(p) + i);
    const auto bits = [i](__m128i equal) {
      return static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(equal))) << (16 * i);
    };
    mask.blank |= bits(_mm_cmpeq_epi8(_mm_max_epu8(text, space), space));
    mask.newline |= bits(_mm_cmpeq_epi8(text, newline));
  }
#else
  for (int i = 0; i < 64; ++i) {
    mask.blank |= static_cast<std::uint64_t>(static_cast<unsigned char>(p[i]) <= ' ') << i;
    mask.newline |= static_cast<std::uint64_t>(p[i] == '\n') << i;
  }
#endif
  return mask;
}

// Finds the words of the line at `p`, of which 64 characters behind `end` may be read. Writes where the first `most`
// begin and counts all of them. Returns the next line; nullptr if no newline comes before `end`. All words are known
// before the first is read, so that their numbers can be worked out side by side.
inline const char *find_words(const char *p, const char *end, const char **words, std::size_t most, std::size_t &count)
{
  std::uint64_t before = 1;  // a blank precedes the line
  for (count = 0; p < end; p += 64) {
    const CharacterMask mask = character_mask(p);
    std::uint64_t starts = ~mask.blank & (mask.blank << 1 | before);
    before = mask.blank >> 63;
    if (mask.newline != 0) starts &= ~mask.newline & (mask.newline - 1);  // before the first newline
    for (; starts != 0; starts &= starts - 1, ++count) {
      if (count < most) words[count] = p + __builtin_ctzll(starts);
    }
    if (mask.newline != 0) {
      const char *const newline = p + __builtin_ctzll(mask.newline);
      return newline < end ? newline + 1 : nullptr;
    }
  }
  return nullptr;
}

}  // namespace ufp
