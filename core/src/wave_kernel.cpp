// Compiled once for each instruction set (UFP_KERNEL is the name of the function in each).
#include "wave_kernel.hpp"

#include "vector4.hpp"

namespace ufp
{
namespace
{

constexpr std::size_t lanes = 4;
constexpr int wide = 2;  // vectors of targets, which share the sums over charges

UFP_INLINE double total(Vector4 a)
{
  double lane[lanes];
  store(lane, a);
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

// (q + iμ·p) exp(ip·x), real and imaginary, and per l iμ·c exp(ip·x).
UFP_INLINE void complex_charges(const WaveCall &call)
{
  double *const gc = call.work, *const gs = gc + call.places, *const hc = gs + call.places,
                *const hs = hc + call.places;
  for (const Span *span = call.charged; span != call.charged_end; ++span)
    for (std::size_t i = span->begin; i < span->end; i += lanes) {
      const Vector4 q = load(call.charge + i);
      store(gc + i, q * load(call.plane_cos + i));
      store(gs + i, q * load(call.plane_sin + i));
    }
  const double *const p = call.plane, *const d = call.step;
  for (const Span *span = call.polar; span != call.polar_end; ++span)
    for (std::size_t i = span->begin; i < span->end; i += lanes) {
      const Vector4 x = load(call.dipole + i), y = load(call.dipole + call.places + i),
                    z = load(call.dipole + 2 * call.places + i);
      const Vector4 along = broadcast(p[0]) * x + broadcast(p[1]) * y + broadcast(p[2]) * z;
      const Vector4 inner = broadcast(d[0]) * x + broadcast(d[1]) * y + broadcast(d[2]) * z;
      const Vector4 c = load(call.plane_cos + i), s = load(call.plane_sin + i);
      store(gc + i, load(gc + i) - along * s);
      store(gs + i, load(gs + i) + along * c);
      store(hc + i, broadcast(0.0) - inner * s);
      store(hs + i, inner * c);
    }
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
  const double *const w = call.work;
  products(call.charged, call.charged_end, w, w + call.places, c, s, g);
  if (call.polar != call.polar_end)
    products(call.polar, call.polar_end, w + 2 * call.places, w + 3 * call.places, c, s, h);
  for (int k = 0; k < together && l + k <= call.top; ++k) {
    const int m = l + k;
    const double up = call.up[m], down = call.down[m];
    const double up_real = up * (g[k].ac - g[k].bs + m * (h[k].ac - h[k].bs));
    const double up_imag = up * (g[k].bc + g[k].as + m * (h[k].bc + h[k].as));
    const double down_real = down * (g[k].ac + g[k].bs - m * (h[k].ac + h[k].bs));
    const double down_imag = down * (g[k].bc - g[k].as - m * (h[k].bc - h[k].as));
    double *const out = call.work + 4 * call.places + 4 * m;
    out[0] = up_real + down_real;
    out[1] = up_imag + down_imag;
    out[2] = up_real - down_real;
    out[3] = up_imag - down_imag;
  }
}

// Sums over l at eight targets: with z = exp(-ilc·x) = c - is, T_l z + T_-l z* = (A_r c + B_i s) + i(A_i c - B_r s), A
// and B the sums of structure_factors, and the same times l with A and B exchanged.
template <int moments> UFP_INLINE void add_moments(const WaveCall &call, std::size_t i)
{
  Vector4 real[moments][wide], imag[moments][wide];
  for (int n = 0; n < moments; ++n)
    for (int k = 0; k < wide; ++k) real[n][k] = imag[n][k] = broadcast(0.0);
  for (int l = 0; l <= call.top; ++l) {
    const double *t = call.work + 4 * call.places + 4 * l;
    const std::size_t row = static_cast<std::size_t>(l) * call.places + i;
    double power = 1;
    for (int n = 0; n < moments; ++n, power *= l) {
      const int even = n % 2 == 0;
      const Vector4 ar = broadcast(power * t[even ? 0 : 2]), ai = broadcast(power * t[even ? 1 : 3]);
      const Vector4 br = broadcast(power * t[even ? 2 : 0]), bi = broadcast(power * t[even ? 3 : 1]);
      for (int k = 0; k < wide; ++k) {
        const Vector4 c = load(call.cosine + row + lanes * static_cast<std::size_t>(k));
        const Vector4 s = load(call.sine + row + lanes * static_cast<std::size_t>(k));
        real[n][k] = real[n][k] + ar * c + bi * s;
        imag[n][k] = imag[n][k] + ai * c - br * s;
      }
    }
  }
  const double *const p = call.plane, *const d = call.step;
  for (int k = 0; k < wide; ++k) {
    const std::size_t at = i + lanes * static_cast<std::size_t>(k);
    const Vector4 c = load(call.plane_cos + at), s = load(call.plane_sin + at);
    const auto add = [&](int quantity, Vector4 v) __attribute__((always_inline)) {
      double *const to = call.out + static_cast<std::size_t>(quantity) * call.targets + at;
      store(to, load(to) + v);
    };
    const Vector4 m0 = c * real[0][k] + s * imag[0][k];
    if constexpr (moments == 3) {
      const Vector4 m1 = c * real[1][k] + s * imag[1][k], m2 = c * real[2][k] + s * imag[2][k];
      constexpr int first[6] = {0, 1, 2, 0, 0, 1}, second[6] = {0, 1, 2, 1, 2, 2};
      for (int e = 0; e < 6; ++e) {
        const int a = first[e], b = second[e];
        add(e, broadcast(p[a] * p[b]) * m0 + broadcast(p[a] * d[b] + d[a] * p[b]) * m1 + broadcast(d[a] * d[b]) * m2);
      }
    } else {
      const Vector4 m1 = s * real[0][k] - c * imag[0][k], m2 = s * real[1][k] - c * imag[1][k];
      add(0, m0);
      for (int a = 0; a < 3; ++a) add(1 + a, broadcast(p[a]) * m1 + broadcast(d[a]) * m2);
    }
  }
}

}  // namespace

void UFP_KERNEL(const WaveCall &call) noexcept
{
  complex_charges(call);
  for (int l = 0; l <= call.top; l += together) structure_factors(call, l);
  for (std::size_t i = 0; i < call.targets; i += wide * lanes)
    if (call.gradient)
      add_moments<3>(call, i);
    else
      add_moments<2>(call, i);
}

}  // namespace ufp
