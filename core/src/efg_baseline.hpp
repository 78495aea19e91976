// What a .efg file says about the baseline beneath its regression.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efg_model_file.hpp"
#include "ufp/efg_model.hpp"

namespace ufp
{

// species: elements of the model. Throws DomainError: a newer version, entries that mean nothing.
std::optional<EfgBaseline> read_efg_baseline(const EfgModelFile &file, const std::vector<std::string> &species);

}  // namespace ufp
