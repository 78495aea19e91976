// Four doubles as one value, on the vector extensions that GCC and Clang share: one source for every instruction set.
// With AVX it is one register; elsewhere (SSE2, NEON) two of two doubles each, because compilers take four apart badly.
// Internal linkage throughout, see spline_row.hpp.
#pragma once

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace ufp
{

#define UFP_INLINE static inline __attribute__((always_inline))

typedef int Integer4 __attribute__((vector_size(16)));
typedef int UnalignedInteger4 __attribute__((vector_size(16), aligned(4), may_alias));

#if defined(__clang__) || __GNUC__ >= 12
#define UFP_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define UFP_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (ufp::ShuffleIndex){__VA_ARGS__})
#endif

#if defined(__AVX__)

typedef double Vector4 __attribute__((vector_size(32)));
typedef long long Mask4 __attribute__((vector_size(32)));  // 0 or -1 per lane
typedef Mask4 ShuffleIndex;
typedef double UnalignedVector4 __attribute__((vector_size(32), aligned(8), may_alias));

UFP_INLINE Vector4 broadcast(double a)
{
  return Vector4{a, a, a, a};
}

UFP_INLINE Vector4 load(const double *p)
{
  return *reinterpret_cast<const UnalignedVector4 *>(p);
}

// The same, kept in a register: the compiler would load it again for each of its uses.
UFP_INLINE Vector4 load_once(const double *p)
{
  Vector4 a = load(p);
  __asm__("" : "+v"(a));
  return a;
}

UFP_INLINE void store(double *p, Vector4 a)
{
  *reinterpret_cast<UnalignedVector4 *>(p) = a;
}

UFP_INLINE Vector4 select(Mask4 m, Vector4 a, Vector4 b)
{
  return m ? a : b;
}

UFP_INLINE Vector4 root(Vector4 a)
{
  return _mm256_sqrt_pd(a);
}

// One bit per lane.
UFP_INLINE int bits(Mask4 m)
{
  return _mm256_movemask_pd(reinterpret_cast<Vector4>(m));
}

// Rounded towards zero.
UFP_INLINE Integer4 truncate(Vector4 a)
{
  return reinterpret_cast<Integer4>(_mm256_cvttpd_epi32(a));
}

UFP_INLINE Vector4 convert(Integer4 a)
{
  return _mm256_cvtepi32_pd(reinterpret_cast<__m128i>(a));
}

// The first three lanes of p += a.
UFP_INLINE void add3(double *p, Vector4 a)
{
  _mm_storeu_pd(p, _mm_add_pd(_mm_loadu_pd(p), _mm256_castpd256_pd128(a)));
  _mm_store_sd(p + 2, _mm_add_sd(_mm_load_sd(p + 2), _mm256_extractf128_pd(a, 1)));
}

UFP_INLINE void transpose(Vector4 &a, Vector4 &b, Vector4 &c, Vector4 &d)
{
  const Vector4 p = UFP_SHUFFLE(a, b, 0, 4, 2, 6), q = UFP_SHUFFLE(a, b, 1, 5, 3, 7);
  const Vector4 r = UFP_SHUFFLE(c, d, 0, 4, 2, 6), s = UFP_SHUFFLE(c, d, 1, 5, 3, 7);
  a = UFP_SHUFFLE(p, r, 0, 1, 4, 5);
  b = UFP_SHUFFLE(q, s, 0, 1, 4, 5);
  c = UFP_SHUFFLE(p, r, 2, 3, 6, 7);
  d = UFP_SHUFFLE(q, s, 2, 3, 6, 7);
}

// The sums of four vectors.
UFP_INLINE Vector4 sums(Vector4 a, Vector4 b, Vector4 c, Vector4 d)
{
  const Vector4 p = UFP_SHUFFLE(a, b, 0, 4, 2, 6) + UFP_SHUFFLE(a, b, 1, 5, 3, 7);
  const Vector4 q = UFP_SHUFFLE(c, d, 0, 4, 2, 6) + UFP_SHUFFLE(c, d, 1, 5, 3, 7);
  return UFP_SHUFFLE(p, q, 0, 1, 4, 5) + UFP_SHUFFLE(p, q, 2, 3, 6, 7);
}

#else

typedef double Vector2 __attribute__((vector_size(16)));
typedef long long Mask2 __attribute__((vector_size(16)));
typedef Mask2 ShuffleIndex;
typedef double UnalignedVector2 __attribute__((vector_size(16), aligned(8), may_alias));

struct Mask4 {
  Mask2 low, high;
};

struct Vector4 {
  Vector2 low, high;
  Vector4() : low{}, high{} {}
  Vector4(Vector2 l, Vector2 h) : low(l), high(h) {}
  Vector4(double a, double b, double c, double d) : low{a, b}, high{c, d} {}
  double operator[](int lane) const { return lane < 2 ? low[lane] : high[lane - 2]; }
};

UFP_INLINE Vector4 broadcast(double a)
{
  return {a, a, a, a};
}

#define UFP_OPERATOR(op)                                                                                               \
  UFP_INLINE Vector4 operator op(Vector4 a, Vector4 b)                                                                 \
  {                                                                                                                    \
    return {a.low op b.low, a.high op b.high};                                                                         \
  }                                                                                                                    \
  UFP_INLINE Vector4 operator op(Vector4 a, double b)                                                                  \
  {                                                                                                                    \
    return a op broadcast(b);                                                                                          \
  }                                                                                                                    \
  UFP_INLINE Vector4 operator op(double a, Vector4 b)                                                                  \
  {                                                                                                                    \
    return broadcast(a) op b;                                                                                          \
  }
UFP_OPERATOR(+)
UFP_OPERATOR(-)
UFP_OPERATOR(*)
UFP_OPERATOR(/)
#undef UFP_OPERATOR

UFP_INLINE Vector4 &operator+=(Vector4 &a, Vector4 b)
{
  return a = a + b;
}

#define UFP_COMPARISON(op)                                                                                             \
  UFP_INLINE Mask4 operator op(Vector4 a, Vector4 b)                                                                   \
  {                                                                                                                    \
    return {a.low op b.low, a.high op b.high};                                                                         \
  }                                                                                                                    \
  UFP_INLINE Mask4 operator op(Vector4 a, double b)                                                                    \
  {                                                                                                                    \
    return a op broadcast(b);                                                                                          \
  }
UFP_COMPARISON(<)
UFP_COMPARISON(>)
UFP_COMPARISON(>=)
#undef UFP_COMPARISON

UFP_INLINE Mask4 operator&(Mask4 a, Mask4 b)
{
  return {a.low & b.low, a.high & b.high};
}

UFP_INLINE Mask4 &operator|=(Mask4 &a, Mask4 b)
{
  a.low |= b.low;
  a.high |= b.high;
  return a;
}

UFP_INLINE Vector4 load(const double *p)
{
  return {*reinterpret_cast<const UnalignedVector2 *>(p), *reinterpret_cast<const UnalignedVector2 *>(p + 2)};
}

UFP_INLINE Vector4 load_once(const double *p)
{
  return load(p);
}

UFP_INLINE void store(double *p, Vector4 a)
{
  *reinterpret_cast<UnalignedVector2 *>(p) = a.low;
  *reinterpret_cast<UnalignedVector2 *>(p + 2) = a.high;
}

UFP_INLINE Vector4 select(Mask4 m, Vector4 a, Vector4 b)
{
  return {m.low ? a.low : b.low, m.high ? a.high : b.high};
}

UFP_INLINE Vector4 root(Vector4 a)
{
  return {__builtin_sqrt(a.low[0]), __builtin_sqrt(a.low[1]), __builtin_sqrt(a.high[0]), __builtin_sqrt(a.high[1])};
}

UFP_INLINE int bits(Mask4 m)
{
  return static_cast<int>((m.low[0] & 1) | (m.low[1] & 2) | (m.high[0] & 4) | (m.high[1] & 8));
}

UFP_INLINE Integer4 truncate(Vector4 a)
{
  return Integer4{static_cast<int>(a.low[0]), static_cast<int>(a.low[1]), static_cast<int>(a.high[0]),
                  static_cast<int>(a.high[1])};
}

UFP_INLINE Vector4 convert(Integer4 a)
{
  return {static_cast<double>(a[0]), static_cast<double>(a[1]), static_cast<double>(a[2]), static_cast<double>(a[3])};
}

UFP_INLINE void add3(double *p, Vector4 a)
{
  UnalignedVector2 *const low = reinterpret_cast<UnalignedVector2 *>(p);
  *low += a.low;
  p[2] += a.high[0];
}

UFP_INLINE void transpose(Vector4 &a, Vector4 &b, Vector4 &c, Vector4 &d)
{
  const Vector4 p(UFP_SHUFFLE(a.low, b.low, 0, 2), UFP_SHUFFLE(c.low, d.low, 0, 2));
  const Vector4 q(UFP_SHUFFLE(a.low, b.low, 1, 3), UFP_SHUFFLE(c.low, d.low, 1, 3));
  const Vector4 r(UFP_SHUFFLE(a.high, b.high, 0, 2), UFP_SHUFFLE(c.high, d.high, 0, 2));
  const Vector4 s(UFP_SHUFFLE(a.high, b.high, 1, 3), UFP_SHUFFLE(c.high, d.high, 1, 3));
  a = p;
  b = q;
  c = r;
  d = s;
}

UFP_INLINE Vector4 sums(Vector4 a, Vector4 b, Vector4 c, Vector4 d)
{
  const Vector2 p = a.low + a.high, q = b.low + b.high, r = c.low + c.high, s = d.low + d.high;
  return {UFP_SHUFFLE(p, q, 0, 2) + UFP_SHUFFLE(p, q, 1, 3), UFP_SHUFFLE(r, s, 0, 2) + UFP_SHUFFLE(r, s, 1, 3)};
}

#endif

UFP_INLINE void store(int *p, Integer4 a)
{
  *reinterpret_cast<UnalignedInteger4 *>(p) = a;
}

UFP_INLINE Vector4 smaller(Vector4 a, Vector4 b)
{
  return select(a < b, a, b);
}

UFP_INLINE Vector4 larger(Vector4 a, Vector4 b)
{
  return select(a > b, a, b);
}

UFP_INLINE double sum(Vector4 a)
{
  return (a[0] + a[1]) + (a[2] + a[3]);
}

}  // namespace ufp
