// The trained field gradient model of a .efg file, as the compiled kernel takes it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ufp/efg_check.hpp"
#include "ufp/efg_predictor.hpp"
#include "ufp/polarisable.hpp"

namespace ufp
{

// What the regression stands on: polarisable molecules, or point charges, which are molecules without bonds.
struct EfgBaseline {
  std::string name;
  PolarisableSpec spec;
  std::vector<double> coefficients;  // V/Å² per unit of each column
  std::vector<int> species;          // of each species of the model, its number here; -1: unknown
};

struct EfgModel {
  std::vector<std::string> species;  // elements of neighbours, in the order of the channels
  std::vector<std::string> centres;  // elements at which the model predicts
  EfgModelArrays arrays;             // tensors in V/Å²; without the committee
  double label_scale = 0;            // V/Å², rms of a component of the labels
  std::vector<EfgCheck> checks;      // of the regression alone
  std::optional<EfgBaseline> baseline;
  std::string title, code;  // of the training, and the program that wrote the file

  int species_of(const std::string &element) const;  // -1: unknown
  bool is_centre(int species) const;
};

// bytes: the whole file, as python/ufpnmr/efg/model_file.py writes it. Throws DomainError, without the name of the
// file: another format, a newer version, an unknown required entry, damage, values out of range, and models that the
// kernel cannot evaluate (made elsewhere with other normalisations).
EfgModel read_efg_model(const std::string &bytes);

}  // namespace ufp
