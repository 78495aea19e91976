// compute efg/atom: electric field gradient tensors of a .efg model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compute.h"
#include "efg_columns.h"
#include "environment_packer.h"
#include "shared_baseline.h"
#include "ufp/efg_model.hpp"

namespace LAMMPS_NS
{

class ComputeEFGAtom : public Compute
{
 public:
  ComputeEFGAtom(class LAMMPS *, int, char **);
  ~ComputeEFGAtom() override;
  ComputeEFGAtom(const ComputeEFGAtom &) = delete;
  ComputeEFGAtom &operator=(const ComputeEFGAtom &) = delete;

  void init() override;
  void init_list(int, class NeighList *) override;
  void compute_peratom() override;
  double memory_usage() override;

 private:
  // What one thread works with.
  struct Worker {
    EnvironmentPacker packer;
    ufp::EfgPredictor::Scratch scratch;
    std::vector<double> tensors;       // of the batch
    std::size_t first = 0, count = 0;  // the batch, among centres_
    int coincident[2] = {-1, -1};
  };

  void load();
  void map_types(const std::vector<std::string> &elements);
  void request_list();
  void log_model() const;
  void find_centres();
  void work(Worker &worker, std::size_t begin, std::size_t end);
  void finish_batch(Worker &worker);

  std::string name_;  // of this compute, in messages
  std::string file_;
  EfgOptions options_;
  ufp::EfgModel model_;
  std::optional<ufp::EfgPredictor> predictor_;
  std::vector<int> species_;       // (ntypes + 1) index into the species of the model, -1: NULL
  std::vector<bool> centre_type_;  // (ntypes + 1)
  int isotope_species_ = -1;
  bool own_list_ = false, logged_ = false;
  class NeighList *list_ = nullptr;
  std::vector<int> centres_;  // atoms of this rank that get a tensor, ascending
  std::unique_ptr<SharedBaseline> baseline_;
  std::vector<Worker> workers_;
  int rows_ = 0;
};

}  // namespace LAMMPS_NS
