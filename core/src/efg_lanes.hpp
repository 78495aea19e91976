// Vectors as wide as the registers of the instruction set that includes this, and the transpose of a square of them.
// Internal linkage throughout: every instruction set has its own copy.
#pragma once

namespace ufp
{
namespace
{

#if defined(__AVX512F__)
constexpr int vector_bytes = 64, accumulators = 25, panel_columns = 12;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32, accumulators = 12, panel_columns = 6;
#else
constexpr int vector_bytes = 16, accumulators = 12, panel_columns = 6;
#endif

template <class T> struct Lanes {
  static constexpr int width = vector_bytes / static_cast<int>(sizeof(T));  // environments, or neighbours
  static constexpr int radial_width = width < 8 ? width : 8;                // radial functions
  static constexpr int sums = accumulators;                                 // that fit the registers
  static constexpr int panel = panel_columns;
  typedef T Vector __attribute__((vector_size(vector_bytes), may_alias));
  typedef T Radial __attribute__((vector_size(radial_width * sizeof(T)), may_alias));
};

template <int... I> struct Sequence {};
template <int N, int... I> struct Count : Count<N - 1, N - 1, I...> {};
template <int... I> struct Count<0, I...> {
  using Type = Sequence<I...>;
};

// a0 b0 a1 b1 .. of the lower or of the upper halves
template <bool Upper, class V, int... I>
static inline __attribute__((always_inline)) V interleaved(V a, V b, Sequence<I...>)
{
  constexpr int n = sizeof...(I), offset = Upper ? n / 2 : 0;
  return __builtin_shufflevector(a, b, (offset + I / 2 + (I % 2) * n)...);
}

// Row i, lane j to row j, lane i.
template <class V, int N> static inline __attribute__((always_inline)) void transpose(V (&square)[N])
{
  using Lane = typename Count<N>::Type;
#pragma GCC unroll 4
  for (int round = 1; round < N; round *= 2) {
    V next[N];
#pragma GCC unroll 8
    for (int i = 0; i < N / 2; ++i) {
      next[2 * i] = interleaved<false>(square[i], square[i + N / 2], Lane());
      next[2 * i + 1] = interleaved<true>(square[i], square[i + N / 2], Lane());
    }
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) square[i] = next[i];
  }
}

}  // namespace
}  // namespace ufp
