# Part of test.sh (sourced): the files of deploy/ are what their own tools accept.
