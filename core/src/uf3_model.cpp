// Folding of a potential into the tables that evaluate() reads.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "spline_row.hpp"
#include "uf3_checks.hpp"
#include "ufp/error.hpp"
#include "ufp/uf3_model.hpp"

namespace ufp
{
namespace
{

using Index = std::size_t;

Index at(int i)
{
  return static_cast<Index>(i);
}

std::string number(double value)
{
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::vector<double> padded(const std::vector<double> &c, const SplineAxis &axis)
{
  std::vector<double> out(at(axis.padding_front()), 0.0);
  out.insert(out.end(), c.begin(), c.end());
  out.insert(out.end(), at(axis.padding_back()), 0.0);
  return out;
}

// The block with its legs in the order (a, b); transposed if the file lists (b, a).
Uf3TripletBlock ordered(const Uf3TripletBlock &block, const std::string &a)
{
  if (block.elements[1] == a) return block;
  Uf3TripletBlock out = block;
  std::swap(out.elements[1], out.elements[2]);
  std::swap(out.cutoff[0], out.cutoff[1]);
  std::swap(out.knots[0], out.knots[1]);
  const auto [l, m, n] = block.shape();
  for (int i = 0; i < l; ++i)
    for (int j = 0; j < m; ++j)
      for (int k = 0; k < n; ++k)
        out.coefficients[at((j * l + i) * n + k)] = block.coefficients[at((i * m + j) * n + k)];
  return out;
}

}  // namespace

Uf3Model::Uf3Model(const Uf3Potential &potential, const std::vector<std::string> &elements,
                   const Uf3ModelOptions &options)
    : elements_(elements), options_(options)
{
  const int n = static_cast<int>(elements.size());
  if (n == 0) throw DomainError("expected at least one element, found none");
  for (int a = 0; a < n; ++a)
    for (int b = 0; b < a; ++b)
      if (elements[at(a)] == elements[at(b)])
        throw DomainError("expected distinct elements, found " + elements[at(a)] + " twice");

  for (const std::string &element : elements) {
    const auto found = std::find_if(potential.onebody.begin(), potential.onebody.end(),
                                    [&](const auto &entry) { return entry.first == element; });
    if (options.onebody && found == potential.onebody.end())
      throw DomainError("expected a one-body energy (#UFP ONEBODY " + element + " ENERGY), found none");
    onebody_.push_back(options.onebody ? found->second : 0.0);
  }
  leg_cutoff_.assign(at(n * n), 0.0);
  slots_.resize(at(n * n));
  triplet_of_.assign(at(n * n * n), nullptr);
  fold_pairs(potential);
  if (options.degree == 3) fold_triplets(potential);
  connect();
}

void Uf3Model::fold_pairs(const Uf3Potential &potential)
{
  const int n = static_cast<int>(elements_.size());
  pair_tables_.resize(at(n * n));
  for (int a = 0; a < n; ++a)
    for (int b = a; b < n; ++b) {
      const std::string &first = elements_[at(a)], &second = elements_[at(b)];
      const Uf3PairBlock *block = potential.find_pair(first, second);
      if (!block) throw DomainError("expected a block 2B " + first + " " + second + ", found none");
      const SplineAxis axis(block->knots, block->cutoff);
      const std::vector<double> c = padded(block->coefficients, axis);
      double polynomial[4];
      axis.contract(0, c.data(), polynomial);
      double slope = polynomial[1];
      if (slope >= 0 && axis.lo() > 0) {
        // an arbitrary but repulsive wall, reported: the data did not reach the core
        slope = -(std::fabs(polynomial[0]) + 1.0) / axis.lo();
        notes_.push_back("2B " + first + " " + second + " is not repulsive at its first knot (" + number(axis.lo()) +
                         " A); continued below it with a slope of " + number(slope) +
                         " eV/A: the model needs short-range data or an added repulsion such as ZBL");
      }
      cutoff_ = std::max(cutoff_, axis.hi());
      pairs_.push_back(SplineRows::sum(axis, c, polynomial[0], slope));
      pair_tables_[index(a, b)] = pair_tables_[index(b, a)] = pairs_.back().table();
    }
}

int Uf3Model::add_axis(const SplineAxis &axis)
{
  const auto found = std::find(axes_.begin(), axes_.end(), axis);
  if (found != axes_.end()) return static_cast<int>(found - axes_.begin());
  axes_.push_back(axis);
  return static_cast<int>(axes_.size()) - 1;
}

// The axes of one leg lie in the order of their cutoffs.
void Uf3Model::add_slot(Index leg, int axis)
{
  const double hi = axes_[at(axis)].hi();
  leg_cutoff_[leg] = std::max(leg_cutoff_[leg], hi);
  cutoff_ = std::max(cutoff_, hi);
  std::vector<int> &slots = slots_[leg];
  if (std::find(slots.begin(), slots.end(), axis) != slots.end()) return;
  const auto longer = [&](int other) { return axes_[at(other)].hi() > hi; };
  slots.insert(std::find_if(slots.begin(), slots.end(), longer), axis);
}

int Uf3Model::slot_of(Index leg, int axis) const noexcept
{
  const std::vector<int> &slots = slots_[leg];
  return static_cast<int>(std::find(slots.begin(), slots.end(), axis) - slots.begin());
}

void Uf3Model::fold_triplets(const Uf3Potential &potential)
{
  const int n = static_cast<int>(elements_.size());
  std::vector<Draft> drafts;
  std::vector<int> draft_index(triplet_of_.size(), -1);
  for (int centre = 0; centre < n; ++centre)
    for (int a = 0; a < n; ++a)
      for (int b = a; b < n; ++b) {
        const Uf3TripletBlock *found =
            potential.find_triplet(elements_[at(centre)], elements_[at(a)], elements_[at(b)]);
        if (!found) {
          const std::string name = "3B " + elements_[at(centre)] + " " + elements_[at(a)] + " " + elements_[at(b)];
          if (!options_.missing_triplets_zero) throw DomainError("expected a block " + name + ", found none");
          notes_.push_back(name + " is missing and taken as zero");
          continue;
        }
        Uf3TripletBlock block = ordered(*found, elements_[at(a)]);
        // the kernel's outer loop runs over the shorter leg: few contractions of the block, long inner loops
        const bool swapped = block.cutoff[1] < block.cutoff[0];
        if (swapped) block = ordered(block, elements_[at(b)]);
        const int first = swapped ? b : a, second = swapped ? a : b;
        draft_index[at((centre * n + first) * n + second)] = static_cast<int>(drafts.size());
        drafts.push_back(draft(block, centre, first, second));
        note_first_knots(drafts.back(), name_of(block));
      }
  for (int a = 0; a < n; ++a)
    for (int b = 0; b < n; ++b)
      if (leg_cutoff(a, b) > pair_cutoff(a, b))
        notes_.push_back("3-body legs " + elements_[at(a)] + "-" + elements_[at(b)] + " reach " +
                         number(leg_cutoff(a, b)) + " A, beyond the 2-body cutoff " + number(pair_cutoff(a, b)) +
                         " A: pair_style uf3 would cut them there");
  lay_out(drafts, draft_index);
}

Uf3Model::Draft Uf3Model::draft(const Uf3TripletBlock &block, int centre, int a, int b)
{
  const SplineAxis axis_j(block.knots[0], block.cutoff[0]), axis_k(block.knots[1], block.cutoff[1]);
  const SplineAxis axis_jk(block.knots[2], block.cutoff[2]);
  const auto [l, m, n] = block.shape();
  Draft out;
  out.axis_j = add_axis(axis_j);
  out.axis_k = add_axis(axis_k);
  out.axis_jk = add_axis(axis_jk);
  out.leg_j = index(centre, a);
  out.leg_k = index(centre, b);
  add_slot(out.leg_j, out.axis_j);
  add_slot(out.leg_k, out.axis_k);
  out.shape = {axis_j.size(), axis_k.size(), axis_jk.size()};
  out.c.assign(at(out.shape[0] * out.shape[1] * out.shape[2]), 0.0);
  for (int i = 0; i < l; ++i)
    for (int j = 0; j < m; ++j)
      for (int k = 0; k < n; ++k) {
        const int x = i + axis_j.padding_front(), y = j + axis_k.padding_front(), z = k + axis_jk.padding_front();
        out.c[at((x * out.shape[1] + y) * out.shape[2] + z)] = block.coefficients[at((i * m + j) * n + k)];
      }
  return out;
}

void Uf3Model::note_first_knots(const Draft &draft, const std::string &name)
{
  // at a clamped end only the first basis function is not zero
  std::array<bool, 3> vanishes{true, true, true};
  const auto [l, m, n] = draft.shape;
  for (int i = 0; i < l; ++i)
    for (int j = 0; j < m; ++j)
      for (int k = 0; k < n; ++k) {
        if (draft.c[at((i * m + j) * n + k)] == 0) continue;
        if (i == 0) vanishes[0] = false;
        if (j == 0) vanishes[1] = false;
        if (k == 0) vanishes[2] = false;
      }
  static const char *const legs[] = {"r_ij", "r_ik", "r_jk"};
  std::string where;
  for (Index x = 0; x < 3; ++x)
    if (!vanishes[x]) where += (where.empty() ? "" : ", ") + std::string(legs[x]);
  if (!where.empty())
    notes_.push_back(name + " does not vanish at the first knot of " + where +
                     ": its forces jump where a distance falls below it");
}

// Planes of coefficients that are zero in all blocks of an axis (trims) are left out: the tables then fit into the
// first-level cache.
void Uf3Model::lay_out(const std::vector<Draft> &drafts, const std::vector<int> &draft_index)
{
  struct Range {
    int begin, end;
  };
  std::vector<Range> ranges;
  for (const SplineAxis &axis : axes_) ranges.push_back({axis.size(), 0});
  for (const Draft &d : drafts)
    for (int i = 0; i < d.shape[0]; ++i)
      for (int j = 0; j < d.shape[1]; ++j)
        for (int k = 0; k < d.shape[2]; ++k) {
          if (d.c[at((i * d.shape[1] + j) * d.shape[2] + k)] == 0) continue;
          const auto add = [&](int axis, int at_plane) {
            Range &range = ranges[at(axis)];
            range.begin = std::min(range.begin, at_plane);
            range.end = std::max(range.end, at_plane + 1);
          };
          add(d.axis_j, i);
          add(d.axis_k, j);
          add(d.axis_jk, k);
        }
  for (Index a = 0; a < axes_.size(); ++a) {
    Range &range = ranges[a];
    range.begin = std::max(0, std::min(range.begin, axes_[a].size() - 4));  // four at least, as a row has four
    range.end = std::max(range.end, range.begin + 4);
    legs_.push_back(SplineRows::basis(axes_[a], range.begin, range.end));
    axis_tables_.push_back(legs_.back().table());
  }
  for (const Draft &d : drafts) {
    const Range l = ranges[at(d.axis_j)], m = ranges[at(d.axis_k)], n = ranges[at(d.axis_jk)];
    TripletTable t;
    t.stride_m = n.end - n.begin;
    t.stride_l = (m.end - m.begin) * t.stride_m;
    t.block = (t.stride_l + 3) / 4 * 4;
    t.slot_j = slot_of(d.leg_j, d.axis_j);
    t.slot_k = slot_of(d.leg_k, d.axis_k);
    t.axis = &axis_tables_[at(d.axis_jk)];
    t.prune = t.axis->hi < axis_tables_[at(d.axis_j)].hi + axis_tables_[at(d.axis_k)].hi;
    std::vector<double> c;
    for (int i = l.begin; i < l.end; ++i)
      for (int j = m.begin; j < m.end; ++j)
        for (int k = n.begin; k < n.end; ++k) c.push_back(d.c[at((i * d.shape[1] + j) * d.shape[2] + k)]);
    c.insert(c.end(), 4, 0.0);  // rows are read four at a time
    coefficients_.push_back(std::move(c));
    t.c = coefficients_.back().data();
    triplet_tables_.push_back(t);
    tables_.window = std::max(tables_.window, 2 * t.block);
  }
  for (Index i = 0; i < draft_index.size(); ++i)
    if (draft_index[i] >= 0) triplet_of_[i] = &triplet_tables_[at(draft_index[i])];
}

void Uf3Model::connect()
{
  for (const auto &slots : slots_) tables_.slots = std::max(tables_.slots, static_cast<int>(slots.size()));
  for (const auto &slots : slots_) {
    slot_count_.push_back(static_cast<int>(slots.size()));
    for (Index s = 0; s < at(tables_.slots); ++s)
      slot_axis_.push_back(s < slots.size() ? &axis_tables_[at(slots[s])] : nullptr);
  }
  tables_.species = static_cast<int>(elements_.size());
  tables_.onebody = onebody_.data();
  tables_.pair = pair_tables_.data();
  tables_.triplet = triplet_of_.data();
  tables_.slot_count = slot_count_.data();
  tables_.slot = slot_axis_.data();
}

double Uf3Model::pair(int a, int b, double r, double &derivative) const noexcept
{
  const SplineTable &t = pair_tables_[index(a, b)];
  double x = 0;
  const double *p = t.polynomials + 4 * spline_row(t, r, x);
  derivative = (3 * p[3] * x + 2 * p[2]) * x + p[1];
  return ((p[3] * x + p[2]) * x + p[1]) * x + p[0];
}

double Uf3Model::triplet(int centre, int j, int k, const std::array<double, 3> &r,
                         std::array<double, 3> &derivative) const noexcept
{
  derivative = {};
  const bool swapped = !triplet_of_[index(centre, j) * elements_.size() + at(k)];
  const int inner = swapped ? j : k, outer = swapped ? k : j;
  const TripletTable *t = triplet_of_[index(centre, outer) * elements_.size() + at(inner)];
  if (!t) return 0;
  const Index first = swapped ? 1 : 0, second = 1 - first;
  const SplineTable *axes[] = {&axis_tables_[at(slots_[index(centre, outer)][at(t->slot_j)])],
                               &axis_tables_[at(slots_[index(centre, inner)][at(t->slot_k)])], t->axis};
  const double distance[] = {r[first], r[second], r[2]};
  double b[3][4], slope[3][4], value = 0;
  const double *c = t->c;
  const int stride[] = {t->stride_l, t->stride_m, 1};
  for (Index leg = 0; leg < 3; ++leg) {
    double x = 0;
    const int row = spline_row(*axes[leg], distance[leg], x);
    spline_basis(*axes[leg], row, x, b[leg], slope[leg]);
    c += axes[leg]->first[row] * stride[leg];
  }
  for (int l = 0; l < 4; ++l)
    for (int m = 0; m < 4; ++m)
      for (int n = 0; n < 4; ++n) {
        const double value_lmn = c[l * t->stride_l + m * t->stride_m + n];
        value += value_lmn * b[0][l] * b[1][m] * b[2][n];
        derivative[first] += value_lmn * slope[0][l] * b[1][m] * b[2][n];
        derivative[second] += value_lmn * b[0][l] * slope[1][m] * b[2][n];
        derivative[2] += value_lmn * b[0][l] * b[1][m] * slope[2][n];
      }
  return value;
}

double Uf3Model::cutoff(int a, int b) const noexcept
{
  return std::max({pair_cutoff(a, b), leg_cutoff(a, b), leg_cutoff(b, a)});
}

double Uf3Model::pair_cutoff(int a, int b) const noexcept
{
  return pair_tables_[index(a, b)].hi;
}

double Uf3Model::leg_cutoff(int centre, int b) const noexcept
{
  return leg_cutoff_[index(centre, b)];
}

double Uf3Model::first_knot(int a, int b) const noexcept
{
  return pair_tables_[index(a, b)].lo;
}

std::size_t Uf3Model::bytes() const noexcept
{
  std::size_t total = 0;
  for (const SplineRows &pair : pairs_) total += pair.bytes();
  for (const SplineRows &leg : legs_) total += leg.bytes();
  for (const auto &c : coefficients_) total += sizeof(double) * c.size();
  return total;
}

}  // namespace ufp
