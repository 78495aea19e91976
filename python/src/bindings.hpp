// One function per subject; each lives in a file of its own.
#pragma once

#include <pybind11/pybind11.h>

void bind_efg(pybind11::module_ &m);
void bind_polarisable(pybind11::module_ &m);
void bind_cell_list(pybind11::module_ &m);
void bind_potential(pybind11::module_ &m);
void bind_features(pybind11::module_ &m);
void bind_lambda_soap(pybind11::module_ &m);
void bind_efg_predictor(pybind11::module_ &m);
void bind_dynamics(pybind11::module_ &m);
void bind_trajectory(pybind11::module_ &m);
void bind_structure(pybind11::module_ &m);
