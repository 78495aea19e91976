// The hot path of a prediction: densities of an environment, then for a batch of environments the invariants, the
// weights of the features and their contraction. Compiled once for each instruction set (UFP_KERNEL is the name of the
// entry point), so everything else here has internal linkage and no library function is called.
//
// Within an environment, vectors run over neighbours (harmonics) and over radial functions (densities); from the
// invariants on a vector holds one number of several environments. The contraction y = Σ_f T_f P²_f never forms P²:
// Σ over q1 first, then over q2, then the coupling coefficients once per (l1, l2).
#include "efg_kernel.hpp"

#include "efg_lanes.hpp"

namespace ufp
{
namespace
{

template <class T> using View = EfgView<T>;
template <class T> using Work = EfgWork<T>;

// ---- densities of one environment

template <class T> void radial_functions(const View<T> &v, const Work<T> &w, int count)
{
  using V = typename Lanes<T>::Vector;
  for (int j = 0; j < count; ++j) {
    const T t = w.fraction[j], h01 = t * t * (3 - 2 * t), h00 = 1 - h01, h10 = t * (1 - t) * (1 - t),
            h11 = t * t * (t - 1);
    const T *p = v.table + static_cast<long>(w.row[j]) * 2 * v.table_stride;
    T *out = w.radial + static_cast<long>(j) * v.table_stride;
    for (int k = 0; k < v.table_stride; k += Lanes<T>::width) {
      const V *q = reinterpret_cast<const V *>(p + k);
      const int next = v.table_stride / Lanes<T>::width;
      *reinterpret_cast<V *>(out + k) = h00 * q[0] + h10 * q[next] + h01 * q[2 * next] + h11 * q[3 * next];
    }
  }
}

template <class T, int LMax> void spherical_harmonics(const View<T> &v, const Work<T> &w, int count)
{
  using V = typename Lanes<T>::Vector;
  const long stride = w.harmonic_stride;
  for (int j = 0; j < count; j += Lanes<T>::width) {
    const V x = *reinterpret_cast<const V *>(w.direction + j);
    const V y = *reinterpret_cast<const V *>(w.direction + w.capacity + j);
    const V z = *reinterpret_cast<const V *>(w.direction + 2 * w.capacity + j);
    V cosine = V{} + 1, sine = V{};
    double diagonal = 1;
#pragma GCC unroll 9
    for (int m = 0; m <= LMax; ++m) {
      V before = V{}, q = V{} + static_cast<T>(diagonal);
#pragma GCC unroll 9
      for (int l = m; l <= LMax; ++l) {
        const V value = q * v.norms[l * (l + 1) / 2 + m];
        *reinterpret_cast<V *>(w.harmonics + (l * l + l + m) * stride + j) = value * cosine;
        if (m > 0) *reinterpret_cast<V *>(w.harmonics + (l * l + l - m) * stride + j) = value * sine;
        const V next =
            (z * q * static_cast<T>(2 * l + 1) - before * static_cast<T>(l + m)) * static_cast<T>(1.0 / (l + 1 - m));
        before = q;
        q = next;
      }
      const V turned = cosine * x - sine * y;
      sine = sine * x + cosine * y;
      cosine = turned;
      diagonal *= 2 * m + 1;
    }
  }
}

constexpr int degree(int lm)
{
  int l = 0;
  while ((l + 1) * (l + 1) <= lm) ++l;
  return l;
}

// out[lm][n] = Σ_j R_ln(j) Y_lm(j) for lm in [First, Last) and `Parts` vectors of n: the sums stay in registers.
template <class T, int First, int Last, int Parts>
void sum_components(const View<T> &v, const Work<T> &w, int begin, int end, int n, T *out)
{
  using N = typename Lanes<T>::Radial;
  constexpr int count = Last - First, lowest = degree(First), highest = degree(Last - 1);
  N sum[count][Parts] = {};
  const T *radial = w.radial + static_cast<long>(begin) * v.table_stride + n;
  const T *harmonic = w.harmonics + static_cast<long>(First) * w.harmonic_stride + begin;
  const long stride = w.harmonic_stride;
  const int n_padded = v.n_padded;
  for (int j = begin; j < end; ++j, radial += v.table_stride, ++harmonic) {
#pragma GCC unroll 9
    for (int l = lowest; l <= highest; ++l) {
      N r[Parts];
      for (int p = 0; p < Parts; ++p)
        r[p] = *reinterpret_cast<const N *>(radial + l * n_padded + p * Lanes<T>::radial_width);
      const int from = l * l > First ? l * l - First : 0;
      const int to = (l + 1) * (l + 1) < Last ? (l + 1) * (l + 1) - First : count;
#pragma GCC unroll 17
      for (int k = from; k < to; ++k)
        for (int p = 0; p < Parts; ++p) sum[k][p] += r[p] * harmonic[k * stride];
    }
  }
#pragma GCC unroll 32
  for (int k = 0; k < count; ++k)
    for (int p = 0; p < Parts; ++p)
      *reinterpret_cast<N *>(out + (First + k) * n_padded + n + p * Lanes<T>::radial_width) = sum[k][p];
}

template <class T, int First, int Total, int Parts>
void sum_from(const View<T> &v, const Work<T> &w, int begin, int end, int n, T *out)
{
  constexpr int step = Lanes<T>::sums / Parts, last = First + step < Total ? First + step : Total;
  sum_components<T, First, last, Parts>(v, w, begin, end, n, out);
  if constexpr (last < Total) sum_from<T, last, Total, Parts>(v, w, begin, end, n, out);
}

template <class T, int LMax> void densities(const View<T> &v, const Work<T> &w, const int *first, T *out)
{
  constexpr int total = (LMax + 1) * (LMax + 1), lanes = Lanes<T>::radial_width;
  spherical_harmonics<T, LMax>(v, w, first[v.species]);
  for (int a = 0; a < v.species; ++a, out += total * v.n_padded) {
    int n = 0;
    for (; n + 2 * lanes <= v.n_padded; n += 2 * lanes) sum_from<T, 0, total, 2>(v, w, first[a], first[a + 1], n, out);
    if (n < v.n_padded) sum_from<T, 0, total, 1>(v, w, first[a], first[a + 1], n, out);
  }
}

// From one environment after the other to one vector for each component.
template <class T> void spread_over_lanes(const View<T> &v, const Work<T> &w, int batch)
{
  using V = typename Lanes<T>::Vector;
  constexpr int width = Lanes<T>::width;
  V *out = reinterpret_cast<V *>(w.batch) + static_cast<long>(batch) * (v.batch_length + 1);
  for (int k = 0; k < v.density_length; k += width) {
    V square[width];
    for (int e = 0; e < width; ++e)
      square[e] = *reinterpret_cast<const V *>(w.density + static_cast<long>(e) * v.density_length + k);
    transpose(square);
    for (int e = 0; e < width; ++e) out[v.place[k + e]] = square[e];
  }
}

template <class T> void density(const View<T> &v, const Environment &e, const Work<T> &w, int slot) noexcept
{
  constexpr int width = Lanes<T>::width;
  const int count = e.first[v.species];
  T *x = w.direction, *y = x + w.capacity, *z = y + w.capacity;
  for (int j = 0; j < count; ++j) {
    const double r = e.distance[j], inverse = 1 / r;
    x[j] = static_cast<T>(e.x[j] * inverse);
    y[j] = static_cast<T>(e.y[j] * inverse);
    z[j] = static_cast<T>(e.z[j] * inverse);
    const bool beyond = r > v.border;
    const double at = beyond ? (r - v.border) * v.outer_rate : r * v.inner_rate;
    const int knot = static_cast<int>(at);
    w.row[j] = knot + (beyond ? v.inner_rows : 0);
    w.fraction[j] = static_cast<T>(at - knot);
  }
  for (int j = count; j < (count + width - 1) / width * width; ++j) x[j] = y[j] = z[j] = 0;
  radial_functions(v, w, count);
  T *out = w.density + static_cast<long>(slot % width) * v.density_length;
  switch (v.l_max) {
#define UFP_CASE(L)                                                                                                    \
  case L:                                                                                                              \
    densities<T, L>(v, w, e.first, out);                                                                               \
    break;
    UFP_CASE(1)
    UFP_CASE(2)
    UFP_CASE(3)
    UFP_CASE(4)
    UFP_CASE(5)
    UFP_CASE(6)
    UFP_CASE(7)
    UFP_CASE(8)
#undef UFP_CASE
  }
  T *own = out + static_cast<long>(e.species) * (v.l_max + 1) * (v.l_max + 1) * v.n_padded;
  for (int n = 0; n < v.n_max; ++n) own[n] += v.own[n];
  if (slot % width == width - 1) spread_over_lanes(v, w, slot / width);
}

// ---- a batch of environments

template <class T> void invariants(const View<T> &v, const typename Lanes<T>::Vector *c, typename Lanes<T>::Vector *out)
{
  using V = typename Lanes<T>::Vector;
  V square = {};
  for (int f = 0; f < v.invariants; ++f) {
    const InvariantTerm term = v.invariant[f];
    const V *a = c + term.first, *b = c + term.second;
    V sum = a[0] * b[0];
    for (int k = 1; k < term.length; ++k) sum += a[k] * b[k];
    out[f] = sum * static_cast<T>(term.weight);
    square += out[f] * out[f];
  }
  for (int e = 0; e < Lanes<T>::width; ++e)
    square[e] = square[e] > 0 ? 1 / static_cast<T>(__builtin_sqrt(square[e])) : 0;
  for (int f = 0; f < v.invariants; ++f) out[f] *= square;
}

// out = in b for Batches vectors of environments; b packed in panels of columns.
template <class T, int Batches>
void multiply(const typename Lanes<T>::Vector *in, long in_stride, const T *b, int rows, int panels,
              typename Lanes<T>::Vector *out, long out_stride)
{
  using V = typename Lanes<T>::Vector;
  constexpr int panel = Lanes<T>::panel;
  for (int p = 0; p < panels; ++p) {
    V sum[panel][Batches] = {};
    for (int r = 0; r < rows; ++r, b += panel) {
      V x[Batches];
      for (int g = 0; g < Batches; ++g) x[g] = in[g * in_stride + r];
      for (int k = 0; k < panel; ++k)
        for (int g = 0; g < Batches; ++g) sum[k][g] += x[g] * b[k];
    }
    for (int k = 0; k < panel; ++k)
      for (int g = 0; g < Batches; ++g) out[g * out_stride + p * panel + k] = sum[k][g];
  }
}

template <class T, int L1, int L2>
void contract_block(const View<T> &v, const FeatureBlock &block, const typename Lanes<T>::Vector *c,
                    const typename Lanes<T>::Vector *weight, typename Lanes<T>::Vector *group_sum,
                    typename Lanes<T>::Vector *y)
{
  using V = typename Lanes<T>::Vector;
  constexpr int n1 = 2 * L1 + 1, n2 = 2 * L2 + 1;
  V *x = group_sum;
  for (int g = block.groups_begin; g < block.groups_end; ++g, x += n1) {
    V sum[n1] = {};
    for (int f = v.group[g].begin; f < v.group[g].end; ++f) {
      const V *row = c + v.feature_first[f];
      const V t = weight[f];
      for (int k = 0; k < n1; ++k) sum[k] += t * row[k];
    }
    for (int k = 0; k < n1; ++k) x[k] = sum[k];
  }
  V product[n1 * n2];
  for (int k = 0; k < n1; ++k) {
    V sum[n2] = {};
    x = group_sum + k;
    for (int g = block.groups_begin; g < block.groups_end; ++g, x += n1) {
      const V *row = c + v.group[g].second;
      for (int n = 0; n < n2; ++n) sum[n] += *x * row[n];
    }
    for (int n = 0; n < n2; ++n) product[k * n2 + n] = sum[n];
  }
  for (int i = block.couplings_begin; i < block.couplings_end; ++i) {
    const CouplingTerm term = v.coupling[i];
    y[term.mu] += product[term.m12] * static_cast<T>(term.value);
  }
}

template <class T>
void contract(const View<T> &v, const typename Lanes<T>::Vector *c, const typename Lanes<T>::Vector *weight,
              typename Lanes<T>::Vector *group_sum, typename Lanes<T>::Vector *y)
{
  for (int b = 0; b < v.blocks; ++b) {
    const FeatureBlock &block = v.block[b];
    switch (16 * block.l1 + block.l2) {
#define UFP_CASE(L1, L2)                                                                                               \
  case 16 * L1 + L2:                                                                                                   \
    contract_block<T, L1, L2>(v, block, c, weight, group_sum, y);                                                      \
    break;
      UFP_CASE(0, 2)
      UFP_CASE(1, 1)
      UFP_CASE(1, 3)
      UFP_CASE(2, 2)
      UFP_CASE(2, 4)
      UFP_CASE(3, 3)
      UFP_CASE(3, 5)
      UFP_CASE(4, 4)
      UFP_CASE(4, 6)
      UFP_CASE(5, 5)
      UFP_CASE(5, 7)
      UFP_CASE(6, 6)
      UFP_CASE(6, 8)
      UFP_CASE(7, 7)
      UFP_CASE(8, 8)
#undef UFP_CASE
    }
  }
}

// What multiplies the weights: with s = P⁰ A, r = R A and d = (P⁰ - R) A the differences s^p - r^p; if expanded, P⁰ - R
// and the remainder s^p - r^p - p r^(p-1) d. Both are d or d² times a polynomial, so nothing cancels here.
template <class T, int Batches> void compare_with_active(const View<T> &v, const Work<T> &w)
{
  using V = typename Lanes<T>::Vector;
  V *const difference = reinterpret_cast<V *>(w.invariants);
  const long head = v.expanded ? v.invariants : 0, length = static_cast<long>(v.active_panels) * Lanes<T>::panel;
  V *const out = reinterpret_cast<V *>(w.similarity);
  for (int g = 0; g < Batches; ++g)
    for (int q = 0; q < v.invariants; ++q) difference[g * v.invariants + q] -= v.reference[q];
  multiply<T, Batches>(difference, v.invariants, v.active_panel, v.invariants, v.active_panels, out + head,
                       head + length);
  const int order = v.expanded ? 2 : 1;
  for (int g = 0; g < Batches; ++g) {
    V *const mine = out + g * (head + length);
    for (long q = 0; q < head; ++q) mine[q] = difference[g * v.invariants + q];
    for (long j = 0; j < length; ++j) {
      const T r = v.similarity[j];
      const V d = mine[head + j], s = d + r;
      V sum = V{} + 1;
      T power = 1;
      for (int p = 1; p <= v.power - order; ++p) {
        power *= r;
        sum = sum * s + (v.expanded ? static_cast<T>(p + 1) * power : power);
      }
      mine[head + j] = v.expanded ? d * d * sum : d * sum;
    }
  }
}

// weights of the features of one member, in vectors of environments
template <class T, int Batches> void weigh(const View<T> &v, const Work<T> &w, int member)
{
  using V = typename Lanes<T>::Vector;
  V *out = reinterpret_cast<V *>(w.feature_weight);
  const long out_stride = static_cast<long>(v.panels) * Lanes<T>::panel;
  const V *in = reinterpret_cast<const V *>(v.collapsed ? w.invariants : w.similarity);
  const long in_stride = v.collapsed
                             ? v.invariants
                             : static_cast<long>(v.active_panels) * Lanes<T>::panel + (v.expanded ? v.invariants : 0);
  multiply<T, Batches>(in, in_stride, v.weight_panel + member * v.member_stride, v.rows, v.panels, out, out_stride);
  if (v.collapsed) return;
  for (int g = 0; g < Batches; ++g)
    for (long q = 0; q < out_stride; ++q) out[g * out_stride + q] += v.offset[member * out_stride + q];
}

template <class T, int Batches> void predict(const View<T> &v, const Work<T> &w, int count, double *out, long stride)
{
  using V = typename Lanes<T>::Vector;
  constexpr int width = Lanes<T>::width;
  const V *c = reinterpret_cast<const V *>(w.batch);
  if (v.power > 0)
    for (int g = 0; g < Batches; ++g)
      invariants(v, c + static_cast<long>(g) * (v.batch_length + 1),
                 reinterpret_cast<V *>(w.invariants) + static_cast<long>(g) * v.invariants);
  if (v.power > 0 && !v.collapsed) compare_with_active<T, Batches>(v, w);
  for (int member = 0; member < v.members; ++member, out += stride) {
    weigh<T, Batches>(v, w, member);
    for (int g = 0; g < Batches; ++g) {
      V y[5] = {};
      contract(v, c + static_cast<long>(g) * (v.batch_length + 1),
               reinterpret_cast<const V *>(w.feature_weight) + static_cast<long>(g) * v.panels * Lanes<T>::panel,
               reinterpret_cast<V *>(w.group_sum), y);
      for (int e = 0; e < width && g * width + e < count; ++e)
        for (int mu = 0; mu < 5; ++mu) out[5 * (g * width + e) + mu] = static_cast<double>(y[mu][e]);
    }
  }
}

template <class T> void finish(const View<T> &v, const Work<T> &w, int count, double *out, long stride) noexcept
{
  constexpr int width = Lanes<T>::width;
  if (count % width != 0) spread_over_lanes(v, w, count / width);
  if (count <= width)
    predict<T, 1>(v, w, count, out, stride);
  else
    predict<T, kernel_batches>(v, w, count, out, stride);
}

template <class T> constexpr EfgKernel<T> kernel_of()
{
  return {Lanes<T>::width, Lanes<T>::radial_width, Lanes<T>::panel, &density<T>, &finish<T>};
}

}  // namespace

void UFP_KERNEL(EfgKernel<float> &kernel) noexcept
{
  kernel = kernel_of<float>();
}

void UFP_KERNEL(EfgKernel<double> &kernel) noexcept
{
  kernel = kernel_of<double>();
}

}  // namespace ufp
