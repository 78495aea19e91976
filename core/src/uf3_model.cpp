// Folding of a potential into the tables that evaluate() reads.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "ufp/error.hpp"
#include "ufp/uf3_evaluate.hpp"

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

Uf3Model::Pair fold(const Uf3PairBlock &block)
{
  Uf3Model::Pair out;
  out.axis = SplineAxis(block.knots, block.cutoff);
  const std::vector<double> c = padded(block.coefficients, out.axis);
  out.polynomials.resize(4 * at(out.axis.intervals()));
  for (int s = 0; s < out.axis.intervals(); ++s) out.axis.contract(s, c.data(), &out.polynomials[4 * at(s)]);
  out.value_lo = out.polynomials[0];
  out.slope = out.polynomials[1];
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
  fold_pairs(potential);
  if (options.degree == 3) fold_triplets(potential);
}

void Uf3Model::fold_pairs(const Uf3Potential &potential)
{
  const int n = static_cast<int>(elements_.size());
  pairs_.resize(at(n * n));
  leg_cutoff_.assign(at(n * n), 0.0);
  for (int a = 0; a < n; ++a)
    for (int b = a; b < n; ++b) {
      const std::string &first = elements_[at(a)], &second = elements_[at(b)];
      const Uf3PairBlock *block = potential.find_pair(first, second);
      if (!block) throw DomainError("expected a block 2B " + first + " " + second + ", found none");
      Pair pair = fold(*block);
      if (pair.slope >= 0 && pair.axis.lo() > 0) {
        // an arbitrary but repulsive wall, reported: the data did not reach the core
        pair.slope = -(std::fabs(pair.value_lo) + 1.0) / pair.axis.lo();
        notes_.push_back("2B " + first + " " + second + " is not repulsive at its first knot (" +
                         number(pair.axis.lo()) + " A); continued below it with a slope of " + number(pair.slope) +
                         " eV/A: the model needs short-range data or an added repulsion such as ZBL");
      }
      cutoff_ = std::max(cutoff_, pair.axis.hi());
      pairs_[index(a, b)] = pair;
      pairs_[index(b, a)] = std::move(pair);
    }
}

int Uf3Model::add_axis(const SplineAxis &axis)
{
  const auto found = std::find(axes_.begin(), axes_.end(), axis);
  if (found != axes_.end()) return static_cast<int>(found - axes_.begin());
  axes_.push_back(axis);
  return static_cast<int>(axes_.size()) - 1;
}

int Uf3Model::add_slot(int centre, int b, const SplineAxis &axis)
{
  const int id = add_axis(axis);
  std::vector<int> &slots = slots_[index(centre, b)];
  const auto found = std::find(slots.begin(), slots.end(), id);
  if (found != slots.end()) return static_cast<int>(found - slots.begin());
  slots.push_back(id);
  max_slots_ = std::max(max_slots_, static_cast<int>(slots.size()));
  double &leg = leg_cutoff_[index(centre, b)];
  leg = std::max(leg, axis.hi());
  cutoff_ = std::max(cutoff_, leg);
  return static_cast<int>(slots.size()) - 1;
}

void Uf3Model::fold_triplets(const Uf3Potential &potential)
{
  const int n = static_cast<int>(elements_.size());
  slots_.resize(at(n * n));
  triplet_index_.assign(at(n * n * n), -1);
  for (int centre = 0; centre < n; ++centre)
    for (int a = 0; a < n; ++a)
      for (int b = a; b < n; ++b) {
        const std::string name = "3B " + elements_[at(centre)] + " " + elements_[at(a)] + " " + elements_[at(b)];
        const Uf3TripletBlock *found =
            potential.find_triplet(elements_[at(centre)], elements_[at(a)], elements_[at(b)]);
        if (!found) {
          if (!options_.missing_triplets_zero) throw DomainError("expected a block " + name + ", found none");
          notes_.push_back(name + " is missing and taken as zero");
          continue;
        }
        triplet_index_[at((centre * n + a) * n + b)] = static_cast<int>(triplets_.size());
        fold_triplet(ordered(*found, elements_[at(a)]), centre, a, b, name);
      }
  for (int a = 0; a < n; ++a)
    for (int b = 0; b < n; ++b)
      if (leg_cutoff(a, b) > pair_cutoff(a, b))
        notes_.push_back("3-body legs " + elements_[at(a)] + "-" + elements_[at(b)] + " reach " +
                         number(leg_cutoff(a, b)) + " A, beyond the 2-body cutoff " + number(pair_cutoff(a, b)) +
                         " A: pair_style uf3 would cut them there");
}

void Uf3Model::fold_triplet(const Uf3TripletBlock &block, int centre, int a, int b, const std::string &name)
{
  const SplineAxis axis_j(block.knots[0], block.cutoff[0]), axis_k(block.knots[1], block.cutoff[1]);
  const SplineAxis axis_jk(block.knots[2], block.cutoff[2]);
  const auto [l, m, n] = block.shape();
  Triplet t;
  t.slot_j = add_slot(centre, a, axis_j);
  t.slot_k = add_slot(centre, b, axis_k);
  t.axis = add_axis(axis_jk);
  t.stride_m = axis_jk.size();
  t.stride_l = axis_k.size() * t.stride_m;
  t.c.assign(at(axis_j.size() * t.stride_l), 0.0);
  t.vanishes_at_lo = {true, true, true};
  for (int i = 0; i < l; ++i)
    for (int j = 0; j < m; ++j)
      for (int k = 0; k < n; ++k) {
        const int x = i + axis_j.padding_front(), y = j + axis_k.padding_front(), z = k + axis_jk.padding_front();
        const double c = block.coefficients[at((i * m + j) * n + k)];
        t.c[at(x * t.stride_l + y * t.stride_m + z)] = c;
        // at a clamped end only the first basis function is not zero
        if (x == 0 && c != 0) t.vanishes_at_lo[0] = false;
        if (y == 0 && c != 0) t.vanishes_at_lo[1] = false;
        if (z == 0 && c != 0) t.vanishes_at_lo[2] = false;
      }
  static const char *const legs[] = {"r_ij", "r_ik", "r_jk"};
  std::string where;
  for (Index x = 0; x < 3; ++x)
    if (!t.vanishes_at_lo[x]) where += (where.empty() ? "" : ", ") + std::string(legs[x]);
  if (!where.empty())
    notes_.push_back(name + " does not vanish at the first knot of " + where +
                     ": its forces jump where a distance falls below it");
  triplets_.push_back(std::move(t));
}

double Uf3Model::cutoff(int a, int b) const noexcept
{
  return std::max({pair_cutoff(a, b), leg_cutoff(a, b), leg_cutoff(b, a)});
}

double Uf3Model::pair_cutoff(int a, int b) const noexcept
{
  return pairs_[index(a, b)].axis.hi();
}

double Uf3Model::leg_cutoff(int centre, int b) const noexcept
{
  return leg_cutoff_[index(centre, b)];
}

double Uf3Model::first_knot(int a, int b) const noexcept
{
  return pairs_[index(a, b)].axis.lo();
}

const Uf3Model::Triplet *Uf3Model::triplet_table(int centre, int j, int k) const noexcept
{
  if (triplet_index_.empty()) return nullptr;
  const int i = triplet_index_[index(centre, j) * elements_.size() + at(k)];
  return i < 0 ? nullptr : &triplets_[at(i)];
}

std::size_t Uf3Model::bytes() const noexcept
{
  std::size_t total = 0;
  for (const Pair &pair : pairs_) total += pair.axis.bytes() + sizeof(double) * pair.polynomials.size();
  for (const SplineAxis &axis : axes_) total += axis.bytes();
  for (const Triplet &triplet : triplets_) total += sizeof(double) * triplet.c.size();
  return total;
}

}  // namespace ufp
