// Compiled once for each instruction set (UFP_KERNEL is the name of the function in each).
#include "real_kernel.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "vector4.hpp"

namespace ufp
{
namespace
{

constexpr std::size_t lanes = 4;

// Separations of the images within the cutoff.
UFP_INLINE std::size_t find_near(const RealCall &call)
{
  const double *x = call.image[0], *y = call.image[1], *z = call.image[2];
  const double tx = call.target[0], ty = call.target[1], tz = call.target[2];
  std::size_t n = 0;
  for (const Span *span = call.stretch; span != call.stretch_end; ++span) {
#if defined(__AVX512F__)
    for (std::size_t j = span->begin; j < span->end; j += 8) {
      const std::size_t left = span->end - j;
      const __mmask8 there = static_cast<__mmask8>(left < 8 ? (1u << left) - 1 : 0xFFu);
      const __m512d dx = _mm512_sub_pd(_mm512_maskz_loadu_pd(there, x + j), _mm512_set1_pd(tx));
      const __m512d dy = _mm512_sub_pd(_mm512_maskz_loadu_pd(there, y + j), _mm512_set1_pd(ty));
      const __m512d dz = _mm512_sub_pd(_mm512_maskz_loadu_pd(there, z + j), _mm512_set1_pd(tz));
      const __m512d r2 = _mm512_fmadd_pd(dx, dx, _mm512_fmadd_pd(dy, dy, _mm512_mul_pd(dz, dz)));
      const __mmask8 in = _mm512_mask_cmp_pd_mask(there, r2, _mm512_set1_pd(call.cutoff2), _CMP_LT_OQ);
      // in a register: compressing straight into memory is slow on some processors
      _mm512_storeu_pd(call.near[0] + n, _mm512_maskz_compress_pd(in, dx));
      _mm512_storeu_pd(call.near[1] + n, _mm512_maskz_compress_pd(in, dy));
      _mm512_storeu_pd(call.near[2] + n, _mm512_maskz_compress_pd(in, dz));
      _mm512_storeu_pd(call.near[3] + n, _mm512_maskz_compress_pd(in, r2));
      const __m256i place = _mm256_maskz_loadu_epi32(there, call.place + j);
      _mm256_storeu_si256(reinterpret_cast<__m256i *>(call.near_place + n), _mm256_maskz_compress_epi32(in, place));
      n += static_cast<std::size_t>(__builtin_popcount(in));
    }
#else
    for (std::size_t j = span->begin; j < span->end; ++j) {
      const double dx = x[j] - tx, dy = y[j] - ty, dz = z[j] - tz, r2 = dx * dx + dy * dy + dz * dz;
      call.near[0][n] = dx;
      call.near[1][n] = dy;
      call.near[2][n] = dz;
      call.near[3][n] = r2;
      call.near_place[n] = call.place[j];
      n += static_cast<std::size_t>(r2 < call.cutoff2);
    }
#endif
  }
  return n;
}

// Takes the target itself out of the list. Returns the place of another atom on the same point, or -1.
UFP_INLINE int leave_out_target(const RealCall &call, std::size_t &n)
{
  for (std::size_t k = 0; k < n; ++k) {
    if (!(call.near[3][k] < call.smallest2)) continue;
    if (call.near_place[k] != call.own) return call.near_place[k];
    --n;
    for (double *const v : call.near) v[k] = v[n];
    call.near_place[k] = call.near_place[n];
    --k;
  }
  return -1;
}

// F_m(x) of four x: eight numbers of a row of the table each, from F_lowest, and the Taylor series of boys.hpp.
template <std::size_t lowest, std::size_t count>
UFP_INLINE void boys_functions(const double *table, Vector4 x, Vector4 *f)
{
  const Vector4 scaled = x * broadcast(1 / boys_step);
  const Integer4 row = truncate(scaled);
  const Vector4 d = (convert(row) + broadcast(0.5) - scaled) * broadcast(boys_step);
  const double *start[lanes];
  for (int k = 0; k < 4; ++k) start[k] = table + boys_width * static_cast<std::size_t>(row[k]) + lowest;
  Vector4 g[8] = {load(start[0]),     load(start[1]),     load(start[2]),     load(start[3]),
                  load(start[0] + 4), load(start[1] + 4), load(start[2] + 4), load(start[3] + 4)};
  transpose(g[0], g[1], g[2], g[3]);
  transpose(g[4], g[5], g[6], g[7]);
  const Vector4 d2 = d * broadcast(1. / 2), d3 = d * broadcast(1. / 3), d4 = d * broadcast(1. / 4),
                d5 = d * broadcast(1. / 5);
  for (std::size_t m = 0; m < count; ++m)
    f[m] = g[m] + d * (g[m + 1] + d2 * (g[m + 2] + d3 * (g[m + 3] + d4 * (g[m + 4] + d5 * g[m + 5]))));
}

// The B_n of all neighbours, 0 in what pads their number to a multiple of four.
template <std::size_t lowest, std::size_t count> UFP_INLINE void screened(const RealCall &call, std::size_t n)
{
  const std::size_t padded = (n + lanes - 1) / lanes * lanes;
  for (std::size_t k = n; k < padded; ++k) {
    for (double *const v : call.near) v[k] = call.smallest2;
    call.near_place[k] = 0;
  }
  for (std::size_t k = 0; k < padded; k += lanes) {
    const Vector4 r2 = load(call.near[3] + k), inverse2 = broadcast(1.0) / r2;
    Vector4 f[count], inverse = root(inverse2);
    boys_functions<lowest, count>(call.boys, r2 * broadcast(call.alpha2), f);
    for (std::size_t m = 0; m < lowest; ++m) inverse = inverse * inverse2;
    for (std::size_t m = 0; m < count; ++m) {
      store(call.b[m] + k, broadcast(call.singular[m]) * inverse - broadcast(call.entire[m]) * f[m]);
      inverse = inverse * inverse2;
    }
  }
  for (std::size_t k = n; k < padded; ++k)
    for (std::size_t m = 0; m < count; ++m) call.b[m][k] = 0;
}

UFP_INLINE Vector4 gather(const double *values, const int *place)
{
  return Vector4{values[place[0]], values[place[1]], values[place[2]], values[place[3]]};
}

template <bool dipoles> UFP_INLINE void add_gradients(const RealCall &call, std::size_t n, std::size_t set)
{
  const double *charge = call.charge + set * call.stride;
  Vector4 xx = broadcast(0.0), yy = xx, zz = xx, xy = xx, xz = xx, yz = xx;
  for (std::size_t k = 0; k < n; k += lanes) {
    const Vector4 dx = load(call.near[0] + k), dy = load(call.near[1] + k), dz = load(call.near[2] + k);
    const Vector4 b1 = load(call.b[0] + k), b2 = load(call.b[1] + k);
    const int *const place = call.near_place + k;
    const Vector4 q = gather(charge, place);
    Vector4 outer = q * b2, diagonal = broadcast(0.0) - q * b1;
    if constexpr (dipoles) {
      const double *dipole = call.dipole + 3 * set * call.stride;
      const Vector4 mx = gather(dipole, place), my = gather(dipole + call.stride, place),
                    mz = gather(dipole + 2 * call.stride, place);
      const Vector4 along = mx * dx + my * dy + mz * dz;
      outer = outer - load(call.b[2] + k) * along;
      diagonal = diagonal + b2 * along;
      const Vector4 twice = b2 + b2, px = b2 * mx, py = b2 * my, pz = b2 * mz;
      xx = xx + twice * mx * dx;
      yy = yy + twice * my * dy;
      zz = zz + twice * mz * dz;
      xy = xy + px * dy + py * dx;
      xz = xz + px * dz + pz * dx;
      yz = yz + py * dz + pz * dy;
    }
    const Vector4 x = outer * dx, y = outer * dy;
    xx = xx + x * dx + diagonal;
    yy = yy + y * dy + diagonal;
    zz = zz + outer * dz * dz + diagonal;
    xy = xy + x * dy;
    xz = xz + x * dz;
    yz = yz + y * dz;
  }
  double *const out = call.out + 6 * set;
  const Vector4 v[6] = {xx, yy, zz, xy, xz, yz};
  for (int e = 0; e < 6; ++e) out[e] += sum(v[e]);
}

template <bool dipoles> UFP_INLINE void add_fields(const RealCall &call, std::size_t n, std::size_t set)
{
  const double *charge = call.charge + set * call.stride;
  Vector4 potential = broadcast(0.0), ex = potential, ey = potential, ez = potential;
  for (std::size_t k = 0; k < n; k += lanes) {
    const Vector4 dx = load(call.near[0] + k), dy = load(call.near[1] + k), dz = load(call.near[2] + k);
    const Vector4 b0 = load(call.b[0] + k), b1 = load(call.b[1] + k);
    const int *const place = call.near_place + k;
    const Vector4 q = gather(charge, place);
    potential = potential + q * b0;
    Vector4 radial = broadcast(0.0) - q * b1;
    if constexpr (dipoles) {
      const double *dipole = call.dipole + 3 * set * call.stride;
      const Vector4 mx = gather(dipole, place), my = gather(dipole + call.stride, place),
                    mz = gather(dipole + 2 * call.stride, place);
      const Vector4 along = mx * dx + my * dy + mz * dz;
      potential = potential - along * b1;
      radial = radial + along * load(call.b[2] + k);
      ex = ex - b1 * mx;
      ey = ey - b1 * my;
      ez = ez - b1 * mz;
    }
    ex = ex + radial * dx;
    ey = ey + radial * dy;
    ez = ez + radial * dz;
  }
  double *const out = call.out + 4 * set;
  const Vector4 v[4] = {potential, ex, ey, ez};
  for (int e = 0; e < 4; ++e) out[e] += sum(v[e]);
}

}  // namespace

int UFP_KERNEL(const RealCall &call) noexcept
{
  std::size_t n = find_near(call);
  const int coincident = leave_out_target(call, n);
  if (coincident >= 0) return coincident;
  if (call.gradient) {
    if (call.dipole)
      screened<1, 3>(call, n);
    else
      screened<1, 2>(call, n);
  } else {
    if (call.dipole)
      screened<0, 3>(call, n);
    else
      screened<0, 2>(call, n);
  }
  for (std::size_t set = 0; set < call.sets; ++set) {
    const bool polar = call.dipole && call.polar[set];
    if (call.gradient)
      polar ? add_gradients<true>(call, n, set) : add_gradients<false>(call, n, set);
    else
      polar ? add_fields<true>(call, n, set) : add_fields<false>(call, n, set);
  }
  return -1;
}

}  // namespace ufp
