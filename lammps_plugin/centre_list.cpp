#include "centre_list.h"

#include <algorithm>

#include "lmptype.h"

using namespace LAMMPS_NS;

namespace
{

std::size_t at(int i)
{
  return static_cast<std::size_t>(i);
}

// Both ends of a bond are centres somewhere, on this rank or another, and both must come to the same answer without
// rounding: by their tags, and by the displacement only where an atom meets its own image (exact: the components that
// decide are not zero by rounding, and the two images see opposite signs).
bool owns_bond(tagint i, tagint j, double dx, double dy, double dz)
{
  if (i != j) return (i > j) == ((i + j) % 2 != 0);
  if (dz != 0) return dz > 0;
  if (dy != 0) return dy > 0;
  return dx > 0;
}

}  // namespace

void CentreList::build(const NeighList &list, int begin, int end, const Atom &atom, const std::vector<int> &species,
                       const ufp::Uf3Model &model, double margin)
{
  species_count_ = static_cast<int>(model.elements().size());
  bond_reach_.clear();
  leg_reach_.clear();
  for (int a = 0; a < species_count_; ++a)
    for (int b = 0; b < species_count_; ++b) {
      const double bond = model.pair_cutoff(a, b) + margin, leg = model.leg_cutoff(a, b);
      bond_reach_.push_back(bond * bond);
      leg_reach_.push_back(leg > 0 ? (leg + margin) * (leg + margin) : 0.0);
    }
  bond_of_.resize(at(species_count_));
  leg_of_.resize(at(species_count_));
  most_legs_ = 0;
  for (auto *v : {&bonds_, &legs_, &first_bond_, &first_leg_}) v->clear();
  centres_.clear();
  for (int ii = begin; ii < end; ++ii)
    if (species[at(atom.type[list.ilist[ii]])] >= 0) add(list, list.ilist[ii], atom, species);
  // the kernel reads whole vectors
  bonds_.insert(bonds_.end(), 3, 0);
  legs_.insert(legs_.end(), 3, 0);
}

void CentreList::add(const NeighList &list, int i, const Atom &atom, const std::vector<int> &species)
{
  const double *const *const x = atom.x;
  const int a = species[at(atom.type[i])];
  for (auto *groups : {&bond_of_, &leg_of_})
    for (auto &group : *groups) group.clear();
  for (int q = 0; q < list.numneigh[i]; ++q) {
    const int j = list.firstneigh[i][q] & NEIGHMASK, b = species[at(atom.type[j])];
    if (b < 0) continue;
    const double dx = x[j][0] - x[i][0], dy = x[j][1] - x[i][1], dz = x[j][2] - x[i][2];
    const double r2 = dx * dx + dy * dy + dz * dz;
    const std::size_t ab = at(a * species_count_ + b);
    if (r2 < bond_reach_[ab] && owns_bond(atom.tag[i], atom.tag[j], dx, dy, dz)) bond_of_[at(b)].push_back(j);
    if (r2 < leg_reach_[ab]) leg_of_[at(b)].push_back(j);
  }
  centres_.push_back({i, a, bonds_.size(), legs_.size()});
  const auto append = [](const std::vector<std::vector<int>> &groups, std::vector<int> &all, std::vector<int> &first) {
    const std::size_t start = all.size();
    first.push_back(0);
    for (const auto &group : groups) {
      all.insert(all.end(), group.begin(), group.end());
      first.push_back(static_cast<int>(all.size() - start));
    }
  };
  append(bond_of_, bonds_, first_bond_);
  append(leg_of_, legs_, first_leg_);
  most_legs_ = std::max(most_legs_, first_leg_.back());
}

ufp::Neighborhood CentreList::centre(int k, const double *x) const
{
  const Centre &c = centres_[at(k)];
  const std::size_t runs = at(k) * at(species_count_ + 1);
  ufp::Neighborhood out;
  out.x = x;
  out.centre = c.atom;
  out.species = c.species;
  out.bonds = {bonds_.data() + c.bonds, first_bond_.data() + runs};
  out.bond_weight = 2;
  out.legs = {legs_.data() + c.legs, first_leg_.data() + runs};
  return out;
}

double CentreList::bytes() const
{
  double total = static_cast<double>(centres_.capacity() * sizeof(Centre));
  for (const auto *v : {&bonds_, &legs_, &first_bond_, &first_leg_})
    total += static_cast<double>(v->capacity() * sizeof(int));
  return total;
}
