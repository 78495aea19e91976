// Four doubles as one value, on the vector extensions that GCC and Clang share: one source for every instruction set.
// Internal linkage throughout, see spline_row.hpp.
#pragma once

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace ufp
{

typedef double Vector4 __attribute__((vector_size(32)));
typedef long long Mask4 __attribute__((vector_size(32)));  // 0 or -1 per lane
typedef int Integer4 __attribute__((vector_size(16)));
typedef double UnalignedVector4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef int UnalignedInteger4 __attribute__((vector_size(16), aligned(4), may_alias));

#define UFP_INLINE static inline __attribute__((always_inline))

#if defined(__clang__) || __GNUC__ >= 12
#define UFP_SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define UFP_SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, (ufp::Mask4){i, j, k, l})
#endif

UFP_INLINE Vector4 broadcast(double a)
{
  return Vector4{a, a, a, a};
}

UFP_INLINE Vector4 load(const double *p)
{
  return *reinterpret_cast<const UnalignedVector4 *>(p);
}

// The same, kept in a register: compilers like to load a value again for each of its uses.
UFP_INLINE Vector4 load_once(const double *p)
{
  Vector4 a = load(p);
#if defined(__AVX__)
  __asm__("" : "+v"(a));
#endif
  return a;
}

UFP_INLINE void store(double *p, Vector4 a)
{
  *reinterpret_cast<UnalignedVector4 *>(p) = a;
}

UFP_INLINE void store(int *p, Integer4 a)
{
  *reinterpret_cast<UnalignedInteger4 *>(p) = a;
}

UFP_INLINE Vector4 root(Vector4 a)
{
#if defined(__AVX__)
  return _mm256_sqrt_pd(a);
#else
  return Vector4{__builtin_sqrt(a[0]), __builtin_sqrt(a[1]), __builtin_sqrt(a[2]), __builtin_sqrt(a[3])};
#endif
}

// One bit per lane.
UFP_INLINE int bits(Mask4 m)
{
#if defined(__AVX__)
  return _mm256_movemask_pd(reinterpret_cast<Vector4>(m));
#else
  return static_cast<int>((m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8));
#endif
}

// Rounded towards zero.
UFP_INLINE Integer4 truncate(Vector4 a)
{
#if defined(__AVX__)
  return reinterpret_cast<Integer4>(_mm256_cvttpd_epi32(a));
#else
  return Integer4{static_cast<int>(a[0]), static_cast<int>(a[1]), static_cast<int>(a[2]), static_cast<int>(a[3])};
#endif
}

UFP_INLINE Vector4 convert(Integer4 a)
{
#if defined(__AVX__)
  return _mm256_cvtepi32_pd(reinterpret_cast<__m128i>(a));
#else
  return Vector4{double(a[0]), double(a[1]), double(a[2]), double(a[3])};
#endif
}

// The first three lanes of p += a.
UFP_INLINE void add3(double *p, Vector4 a)
{
#if defined(__AVX__)
  _mm_storeu_pd(p, _mm_add_pd(_mm_loadu_pd(p), _mm256_castpd256_pd128(a)));
  _mm_store_sd(p + 2, _mm_add_sd(_mm_load_sd(p + 2), _mm256_extractf128_pd(a, 1)));
#else
  p[0] += a[0];
  p[1] += a[1];
  p[2] += a[2];
#endif
}

UFP_INLINE Vector4 smaller(Vector4 a, Vector4 b)
{
  return a < b ? a : b;
}

UFP_INLINE Vector4 larger(Vector4 a, Vector4 b)
{
  return a > b ? a : b;
}

UFP_INLINE double sum(Vector4 a)
{
  return (a[0] + a[1]) + (a[2] + a[3]);
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

}  // namespace ufp
