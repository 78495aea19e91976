// A model as the kernel of one precision and instruction set wants it: features sorted and grouped, weights in panels.
#pragma once

#include <vector>

#include "aligned_array.hpp"
#include "efg_kernel.hpp"
#include "ufp/efg_predictor.hpp"

namespace ufp
{

// What does not depend on precision or instruction set.
struct EfgLayout {
  std::vector<int> order;      // sorted feature f is column order[f] of the model
  std::vector<double> weight;  // √2 or 1 of the sorted features
  std::vector<int> first;
  std::vector<FeatureBlock> blocks;
  std::vector<FeatureGroup> groups;
  std::vector<CouplingTerm> couplings;
  std::vector<InvariantTerm> invariants;
  int largest_group_count = 0;

  // Throws DomainError for features that the densities do not have.
  explicit EfgLayout(const EfgModelArrays &model);
};

template <class T> struct EfgPack {
  EfgPack(const EfgModelArrays &model, const EfgLayout &layout, const EfgKernel<T> &kernel);
  EfgView<T> view(const EfgModelArrays &model, const EfgLayout &layout) const;

  int n_padded, table_stride, density_length, batch_length, inner_rows;
  int active_panels = 0, panels = 0, rows = 0;
  bool expanded = false;
  double border, inner_rate, outer_rate;
  long member_stride = 0;
  std::vector<T> norms;
  std::vector<int> place;
  AlignedArray<T> table, own, reference, similarity, offset, active, weights;

 private:
  void pack_weights(const EfgModelArrays &model, const EfgLayout &layout, int panel);
};

}  // namespace ufp
