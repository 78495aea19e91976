#include "efg_pack.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <tuple>

#include "ufp/clebsch_gordan.hpp"
#include "ufp/error.hpp"
#include "ufp/harmonics.hpp"

namespace ufp
{
namespace
{

constexpr double pi = 3.14159265358979323846;

int round_up(int n, int step)
{
  return (n + step - 1) / step * step;
}

std::size_t size(int n)
{
  return static_cast<std::size_t>(n);
}

Feature ascending(const Feature &f)
{
  if (f[0] < f[1] || (f[0] == f[1] && f[2] <= f[3])) return f;
  return {f[1], f[0], f[3], f[2]};  // C is the same for both orders
}

// [panel][row][column of the panel]
template <class T, class Value> void pack_panels(int rows, int columns, int panel, const Value &value, T *out)
{
  for (int p = 0; p < columns; p += panel)
    for (int r = 0; r < rows; ++r)
      for (int k = p; k < p + panel; ++k) *out++ = k < columns ? static_cast<T>(value(r, k)) : T(0);
}

}  // namespace

EfgLayout::EfgLayout(const EfgModelArrays &model)
{
  // refuses what is out of range
  FeatureContraction(model.spec, 2, model.features, true);
  FeatureContraction(model.spec, 0, model.invariants, true);
  const int channels = model.spec.species * model.spec.n_max;
  const auto row_of = [channels](int l, int q) { return channels * l * l + q * (2 * l + 1); };
  for (const Feature &f : model.invariants) {
    const int l = f[0];
    invariants.push_back({row_of(l, f[2]), row_of(l, f[3]), 2 * l + 1,
                          (l % 2 == 0 ? 1 : -1) / std::sqrt(2 * l + 1.0) * (f[2] == f[3] ? 1 : std::sqrt(2.0))});
  }
  std::vector<Feature> rows;
  for (const Feature &f : model.features) rows.push_back(ascending(f));
  order.resize(rows.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&rows](int i) {
    const Feature &f = rows[size(i)];
    return std::make_tuple(f[0], f[1], f[3], f[2]);
  };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return key(a) < key(b); });
  for (const int i : order) {
    const auto [l1, l2, q1, q2] = rows[size(i)];
    const int f = static_cast<int>(first.size());
    if (blocks.empty() || blocks.back().l1 != l1 || blocks.back().l2 != l2) {
      const int g = static_cast<int>(groups.size()), c = static_cast<int>(couplings.size());
      for (const Coupling &term : clebsch_gordan(l1, l2, 2))
        couplings.push_back({term.m1 * (2 * l2 + 1) + term.m2, term.mu, term.value});
      blocks.push_back({l1, l2, g, g, c, static_cast<int>(couplings.size())});
    }
    FeatureBlock &block = blocks.back();
    if (block.groups_begin == block.groups_end || groups.back().second != row_of(l2, q2)) {
      groups.push_back({row_of(l2, q2), f, f});
      ++block.groups_end;
      largest_group_count = std::max(largest_group_count, block.groups_end - block.groups_begin);
    }
    ++groups.back().end;
    first.push_back(row_of(l1, q1));
    weight.push_back(l1 == l2 && q1 == q2 ? 1.0 : std::sqrt(2.0));
  }
}

template <class T> EfgPack<T>::EfgPack(const EfgModelArrays &model, const EfgLayout &layout, const EfgKernel<T> &kernel)
{
  const LambdaSoapSpec &spec = model.spec;
  const LambdaSoap soap(spec);
  const RadialTable &full = soap.table();
  const int l_count = spec.l_max + 1, components = l_count * l_count;
  n_padded = round_up(spec.n_max, kernel.n_lanes);
  table_stride = round_up(l_count * n_padded, kernel.lanes);
  // single precision: every second knot, whose interpolation error is still below the rounding
  const int skip = sizeof(T) == 4 ? 2 : 1;
  const int inner = (full.inner_rows() - 1) / skip, rows_of_table = static_cast<int>(full.rows());
  const int outer = full.outer_rate() > 0 ? (rows_of_table - full.inner_rows() - 1) / skip : -1;
  inner_rows = inner + 1;
  border = full.border();
  inner_rate = full.inner_rate() / skip;
  outer_rate = full.outer_rate() / skip;
  for (const double norm : soap.norms()) norms.push_back(static_cast<T>(norm));
  // one row of zeros behind the end, for distances that round to the cutoff
  table = AlignedArray<T>(size(inner_rows + outer + 2) * size(2 * table_stride));
  for (int row = 0; row < inner_rows + outer + 1; ++row) {
    const int source = row < inner_rows ? row * skip : full.inner_rows() + (row - inner_rows) * skip;
    for (int part = 0; part < 2; ++part)
      for (int l = 0; l < l_count; ++l)
        for (int n = 0; n < spec.n_max; ++n)
          table[size(2 * row + part) * size(table_stride) + size(l * n_padded + n)] =
              static_cast<T>(full.data()[size(2 * source + part) * size(full.width()) + size(l * spec.n_max + n)] *
                             (part == 1 ? skip : 1));
  }
  own = AlignedArray<T>(size(n_padded));
  for (int n = 0; n < spec.n_max; ++n)
    own[size(n)] = static_cast<T>(spec.centre_weight * full.data()[n] / std::sqrt(4 * pi));
  batch_length = soap.channels() * components;
  density_length = round_up(spec.species * components * n_padded, kernel.lanes);
  place.assign(size(density_length), batch_length);
  for (int a = 0; a < spec.species; ++a)
    for (int l = 0; l < l_count; ++l)
      for (int m = 0; m < 2 * l + 1; ++m)
        for (int n = 0; n < spec.n_max; ++n)
          place[size((a * components + l * l + m) * n_padded + n)] =
              soap.channels() * l * l + (a * spec.n_max + n) * (2 * l + 1) + m;

  pack_weights(model, layout, kernel.panel);
}

template <class T> void EfgPack<T>::pack_weights(const EfgModelArrays &model, const EfgLayout &layout, int panel)
{
  const std::size_t n0 = layout.invariants.size(), n2 = layout.order.size(), count = model.active_count;
  const bool collapsed = model.zeta == 2 && count == 0;
  active_panels = round_up(static_cast<int>(count), panel) / panel;
  panels = round_up(static_cast<int>(n2), panel) / panel;
  expanded = sizeof(T) == 4 && model.zeta > 2;
  rows = static_cast<int>(collapsed ? n0 : count + (expanded ? n0 : 0));
  member_stride = static_cast<long>(rows) * panels * panel;
  weights = AlignedArray<T>(model.members.size() * static_cast<std::size_t>(member_stride));
  reference = AlignedArray<T>(n0);
  similarity = AlignedArray<T>(size(active_panels * panel));
  active = AlignedArray<T>(similarity.size() * n0);
  for (std::size_t q = 0; q < n0 && count > 0; ++q) {
    const double *row = model.active.data() + q * count;
    reference[q] = static_cast<T>(std::accumulate(row, row + count, 0.0) / static_cast<double>(count));
  }
  std::vector<double> powers(model.zeta == 1 ? 1 : count, 1.0), slopes(count);  // (R A)^(zeta - 1), its derivative
  for (std::size_t j = 0; j < count; ++j) {
    double sum = 0;
    for (std::size_t q = 0; q < n0; ++q) sum += static_cast<double>(reference[q]) * model.active[q * count + j];
    similarity[j] = static_cast<T>(sum);
    // if expanded, the rounding of the similarity counts in the small remainder only
    const double r = expanded ? sum : static_cast<double>(similarity[j]);
    powers[j] = std::pow(r, model.zeta - 1);
    slopes[j] = (model.zeta - 1) * std::pow(r, model.zeta - 2);
  }
  pack_panels(
      static_cast<int>(n0), static_cast<int>(count), panel,
      [&](int r, int k) { return model.active[size(r) * count + size(k)]; }, active.data());
  offset = AlignedArray<T>(model.members.size() * size(panels * panel));
  for (std::size_t member = 0; member < model.members.size(); ++member) {
    const auto weight = [&](int r, int k) {
      return model.members[member][size(r) * n2 + size(layout.order[size(k)])] * layout.weight[size(k)];
    };
    std::vector<double> linear(expanded ? n0 * n2 : 0);
    for (std::size_t j = 0; j < count && expanded; ++j)
      for (std::size_t f = 0; f < n2; ++f) {
        const double slope = slopes[j] * weight(static_cast<int>(j), static_cast<int>(f));
        for (std::size_t q = 0; q < n0; ++q) linear[f * n0 + q] += model.active[q * count + j] * slope;
      }
    const int above = expanded ? static_cast<int>(n0) : 0;
    pack_panels(
        rows, static_cast<int>(n2), panel,
        [&](int r, int k) { return r < above ? linear[size(k) * n0 + size(r)] : weight(r - above, k); },
        weights.data() + static_cast<std::ptrdiff_t>(member) * member_stride);
    for (int f = 0; f < static_cast<int>(n2) && !collapsed; ++f) {
      double sum = 0;
      for (std::size_t j = 0; j < powers.size(); ++j) sum += powers[j] * weight(static_cast<int>(j), f);
      offset[member * size(panels * panel) + size(f)] = static_cast<T>(sum);
    }
  }
}

template <class T> EfgView<T> EfgPack<T>::view(const EfgModelArrays &model, const EfgLayout &layout) const
{
  EfgView<T> v{};
  v.species = model.spec.species;
  v.n_max = model.spec.n_max;
  v.n_padded = n_padded;
  v.l_max = model.spec.l_max;
  v.table = table.data();
  v.table_stride = table_stride;
  v.border = border;
  v.inner_rate = inner_rate;
  v.outer_rate = outer_rate;
  v.inner_rows = inner_rows;
  v.norms = norms.data();
  v.own = own.data();
  v.place = place.data();
  v.density_length = density_length;
  v.batch_length = batch_length;
  v.invariants = static_cast<int>(layout.invariants.size());
  v.invariant = layout.invariants.data();
  v.power = model.zeta - 1;
  v.collapsed = model.zeta == 2 && model.active_count == 0;
  v.expanded = expanded;
  v.active_panels = active_panels;
  v.panels = panels;
  v.rows = rows;
  v.members = static_cast<int>(model.members.size());
  v.reference = reference.data();
  v.similarity = similarity.data();
  v.offset = offset.data();
  v.active_panel = active.data();
  v.weight_panel = weights.data();
  v.member_stride = member_stride;
  v.blocks = static_cast<int>(layout.blocks.size());
  v.feature_first = layout.first.data();
  v.block = layout.blocks.data();
  v.group = layout.groups.data();
  v.coupling = layout.couplings.data();
  return v;
}

template struct EfgPack<float>;
template struct EfgPack<double>;

}  // namespace ufp
