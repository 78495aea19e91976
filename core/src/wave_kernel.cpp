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

constexpr int together = 2;  // values of l, which share the loads of a and b and hide each other's latency

UFP_INLINE void products(const Span *span, const Span *end, const double *a, const double *b, const double *const *c,
                         const double *const *s, Products *out)
{
  Vector4 ac[together], bs[together], bc[together], as[together];
  for (int k = 0; k < together; ++k) ac[k] = bs[k] = bc[k] = as[k] = broadcast(0.0);
  for (; span != end; ++span)
    for (std::size_t p = span->begin; p < span->end; p += lanes) {
      const Vector4 ap = load(a + p), bp = load(b + p);
      for (int k = 0; k < together; ++k) {
        const Vector4 cp = load(c[k] + p), sp = load(s[k] + p);
        ac[k] = ac[k] + ap * cp;
        bs[k] = bs[k] + bp * sp;
        bc[k] = bc[k] + bp * cp;
        as[k] = as[k] + ap * sp;
      }
    }
  for (int k = 0; k < together; ++k) out[k] = {total(ac[k]), total(bs[k]), total(bc[k]), total(as[k])};
}

// T_l + T_-l and T_l - T_-l, T = weight S, real and imaginary parts, from l on; none beyond the top.
UFP_INLINE void structure_factors(const WaveCall &call, int l)
{
  const double *c[together], *s[together];
  Products g[together], h[together]{};
  for (int k = 0; k < together; ++k) {
    const std::size_t row = static_cast<std::size_t>(l + k <= call.top ? l + k : l) * call.places;
    c[k] = call.cosine + row;
    s[k] = call.sine + row;
  }
  products(call.charged, call.charged_end, call.g_cos, call.g_sin, c, s, g);
  if (call.polar != call.polar_end) products(call.polar, call.polar_end, call.h_cos, call.h_sin, c, s, h);
  for (int k = 0; k < together && l + k <= call.top; ++k) {
    const int m = l + k;
    const double up = call.up[m], down = call.down[m];
    const double up_real = up * (g[k].ac - g[k].bs + m * (h[k].ac - h[k].bs));
    const double up_imag = up * (g[k].bc + g[k].as + m * (h[k].bc + h[k].as));
    const double down_real = down * (g[k].ac + g[k].bs - m * (h[k].ac + h[k].bs));
    const double down_imag = down * (g[k].bc - g[k].as - m * (h[k].bc - h[k].as));
    double *const out = call.sums + 4 * m;
    out[0] = up_real + down_real;
    out[1] = up_imag + down_imag;
    out[2] = up_real - down_real;
    out[3] = up_imag - down_imag;
  }
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
  for (int l = 0; l <= call.top; l += together) structure_factors(call, l);
  if (call.gradient)
    for (std::size_t i = 0; i < call.targets; i += lanes) add_gradient_moments(call, i);
  else
    for (std::size_t i = 0; i < call.targets; i += lanes) add_field_moments(call, i);
}

}  // namespace ufp
