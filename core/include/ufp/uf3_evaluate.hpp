// Energy, forces and virial of one centre with its neighbourhood in a UF3 potential.
#pragma once

#include <limits>
#include <vector>

#include "ufp/neighborhood.hpp"
#include "ufp/simd.hpp"
#include "ufp/uf3_model.hpp"

namespace ufp
{

// What happened outside the domain of the potential, summed over centres until reset().
struct DomainEvents {
  long short_pairs = 0;       // ordered pairs (every bond twice) below the first 2-body knot
  long clamped_triplets = 0;  // triplets with a clamped distance and an energy or force left there
  long coincident = 0;        // ordered pairs at r = 0: their force is undefined and left out
  double closest = std::numeric_limits<double>::infinity();   // smallest distance met, A
  double shortest = std::numeric_limits<double>::infinity();  // smallest distance below a first knot, A
  int short_i = -1, short_j = -1;                             // its two ends, as indices of positions
  int coincident_i = -1, coincident_j = -1;                   // the last pair on one point
  int clamped_i = -1, clamped_j = -1, clamped_k = -1;         // the last clamped triplet
};

// Where the results are added. Arrays are indexed like the positions; null: not wanted.
struct Uf3Sums {
  double energy = 0;                // eV
  double virial[6] = {};            // xx yy zz xy xz yz, eV; only with Detail::virial and per_atom
  double *force = nullptr;          // (n, 3) eV/A, required
  double *atom_energy = nullptr;    // (n) half of each pair to each end, a third of each triplet, eV
  double *atom_virial = nullptr;    // (n, 6) divided in the same way, eV
  double *atom_centroid = nullptr;  // (n, 9) xx yy zz xy xz yz yx zx zy, (r - centroid of the group) (x) f, eV
};

// Working memory of one thread: plain pointers into one block, as the kernels must not touch library types.
struct Uf3Work {
  int capacity = 0;
  double *x = nullptr, *y = nullptr, *z = nullptr, *r = nullptr;             // (capacity) the legs of the centre
  double *inverse = nullptr;                                                 // 1 / r
  double *stiffness = nullptr, *fx = nullptr, *fy = nullptr, *fz = nullptr;  // force on a leg: f - stiffness x
  double *basis = nullptr;              // (slots, capacity, 2, 4) the basis of each leg and its derivative
  double *kr = nullptr, *kt = nullptr;  // (capacity) r_jk for one j, and the coordinate in its row
  double *result = nullptr;             // (capacity, 4) V3 and its derivatives
  double *window = nullptr;             // l-contracted blocks
  int *index = nullptr, *first = nullptr, *row = nullptr, *hit = nullptr;  // (capacity); first: (slots, capacity)
  int *run = nullptr;                                                      // (species) first leg of a species
  int *reach = nullptr;  // (species, slots) where its legs within reach of an axis end
  int *end = nullptr;    // (species) the same for the block of each species with the current one
};

// Owner of the working memory and of the events of one thread.
class Uf3Scratch
{
 public:
  // Make room for centres with up to `legs` three-body neighbours; evaluate() itself allocates nothing.
  void reserve(const Uf3Model &model, int legs);
  Uf3Work &work() noexcept { return work_; }
  std::size_t bytes() const noexcept { return sizeof(double) * doubles_.size() + sizeof(int) * integers_.size(); }

  DomainEvents events;
  void reset() { events = DomainEvents{}; }

 private:
  Uf3Work work_;
  int slots_ = 0, window_ = 0, species_ = 0;
  std::vector<double> doubles_;
  std::vector<int> integers_;
};

enum class Detail {
  forces,   // energy and forces
  virial,   // also the global virial
  per_atom  // also the shares of each atom
};

// Add the terms of one centre: sum_j V2 (bond_weight times), sum_{j<k} V3 with this centre, and its one-body offset.
// Summed over all centres this is the energy. Call reserve() first.
void evaluate(const Uf3Model &model, const Neighborhood &neighborhood, Uf3Scratch &scratch, Uf3Sums &sums,
              Detail detail, Simd simd) noexcept;

}  // namespace ufp
