// Compiled once for each instruction set (UFP_KERNEL is the name of the function in each).
#include "wave_kernel.hpp"

#include "vector4.hpp"

namespace ufp
{
namespace
{

constexpr std::size_t lanes = 4;

UFP_INLINE double total(Vector4 a)
{
  double lane[lanes];
  store(lane, a);
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

// Σ (a + ib)(c ± is) = (ac - bs) + i(bc + as) for +, (ac + bs) + i(bc - as) for -
struct Products {
  double ac, bs, bc, as;
};

UFP_INLINE Products products(std::size_t n, const double *a, const double *b, const double *c, const double *s)
{
  Vector4 ac = broadcast(0.0), bs = ac, bc = ac, as = ac;
  for (std::size_t p = 0; p < n; p += lanes) {
    const Vector4 ap = load(a + p), bp = load(b + p), cp = load(c + p), sp = load(s + p);
    ac = ac + ap * cp;
    bs = bs + bp * sp;
    bc = bc + bp * cp;
    as = as + ap * sp;
  }
  return {total(ac), total(bs), total(bc), total(as)};
}

// T_l + T_-l and T_l - T_-l, T = weight S, real and imaginary parts.
UFP_INLINE void structure_factors(const WaveCall &call, int l, double *out)
{
  const std::size_t row = static_cast<std::size_t>(l) * call.places;
  const double *c = call.cosine + row, *s = call.sine + row;
  const Products g = products(call.places, call.g_cos, call.g_sin, c, s);
  double up_real = g.ac - g.bs, up_imag = g.bc + g.as, down_real = g.ac + g.bs, down_imag = g.bc - g.as;
  if (call.h_cos) {
    const Products h = products(call.places, call.h_cos, call.h_sin, c, s);
    up_real += l * (h.ac - h.bs);
    up_imag += l * (h.bc + h.as);
    down_real -= l * (h.ac + h.bs);
    down_imag -= l * (h.bc - h.as);
  }
  const double up = call.up[l], down = call.down[l];
  out[0] = up * up_real + down * down_real;
  out[1] = up * up_imag + down * down_imag;
  out[2] = up * up_real - down * down_real;
  out[3] = up * up_imag - down * down_imag;
}

// Sums over l at four targets: with z = exp(-ilc·x) = c - is, T_l z + T_-l z* = (A_r c + B_i s) + i(A_i c - B_r s).
UFP_INLINE void add_gradient_moments(const WaveCall &call, std::size_t i)
{
  Vector4 r0 = broadcast(0.0), i0 = r0, r1 = r0, i1 = r0, r2 = r0, i2 = r0;
  for (int l = 0; l <= call.top; ++l) {
    const double *t = call.sums + 4 * l;
    const std::size_t row = static_cast<std::size_t>(l) * call.places + i;
    const Vector4 c = load(call.cosine + row), s = load(call.sine + row), f = broadcast(l);
    const Vector4 real = broadcast(t[0]) * c + broadcast(t[3]) * s, imag = broadcast(t[1]) * c - broadcast(t[2]) * s;
    r0 = r0 + real;
    i0 = i0 + imag;
    r1 = r1 + f * (broadcast(t[2]) * c + broadcast(t[1]) * s);
    i1 = i1 + f * (broadcast(t[3]) * c - broadcast(t[0]) * s);
    r2 = r2 + f * f * real;
    i2 = i2 + f * f * imag;
  }
  const Vector4 c = load(call.plane_cos + i), s = load(call.plane_sin + i);
  store(call.moments + i, c * r0 + s * i0);
  store(call.moments + call.targets + i, c * r1 + s * i1);
  store(call.moments + 2 * call.targets + i, c * r2 + s * i2);
}

UFP_INLINE void add_field_moments(const WaveCall &call, std::size_t i)
{
  Vector4 r0 = broadcast(0.0), i0 = r0, r1 = r0, i1 = r0;
  for (int l = 0; l <= call.top; ++l) {
    const double *t = call.sums + 4 * l;
    const std::size_t row = static_cast<std::size_t>(l) * call.places + i;
    const Vector4 c = load(call.cosine + row), s = load(call.sine + row), f = broadcast(l);
    r0 = r0 + broadcast(t[0]) * c + broadcast(t[3]) * s;
    i0 = i0 + broadcast(t[1]) * c - broadcast(t[2]) * s;
    r1 = r1 + f * (broadcast(t[2]) * c + broadcast(t[1]) * s);
    i1 = i1 + f * (broadcast(t[3]) * c - broadcast(t[0]) * s);
  }
  const Vector4 c = load(call.plane_cos + i), s = load(call.plane_sin + i);
  store(call.moments + i, c * r0 + s * i0);
  store(call.moments + call.targets + i, s * r0 - c * i0);
  store(call.moments + 2 * call.targets + i, s * r1 - c * i1);
}

}  // namespace

void UFP_KERNEL(const WaveCall &call) noexcept
{
  for (int l = 0; l <= call.top; ++l) structure_factors(call, l, call.sums + 4 * l);
  if (call.gradient)
    for (std::size_t i = 0; i < call.targets; i += lanes) add_gradient_moments(call, i);
  else
    for (std::size_t i = 0; i < call.targets; i += lanes) add_field_moments(call, i);
}

}  // namespace ufp
