"""The functions DuckDB lists, each with its class or refused. Generated once, then kept by hand.

A test compares this table with `duckdb_functions()` of the pinned engine: a function the engine gains is
unknown here, hence refused, and the test names it. `width_bucket`, `grouping` and `pseudonym` are
no functions of DuckDB's catalogue; the first is rewritten, the second is syntax, the third is the
runner's own.
"""

from __future__ import annotations

ALLOWED: dict[str, tuple[str, str]] = {
    "count": (
        "数个数：任何级别都可以",
        """
        count count_star approx_count_distinct regr_count
        """,
    ),
    "stat": (
        "统计量：L1 至 L3",
        """
        sum avg mean fsum sumkahan kahan_sum favg count_if countif stddev stddev_pop stddev_samp
        variance var_pop var_samp sem skewness kurtosis kurtosis_pop corr covar_pop covar_samp
        regr_avgx regr_avgy regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy entropy
        bool_and bool_or median quantile_cont approx_quantile mad wavg weighted_avg
        """,
    ),
    "extreme": (
        "最大、最小、众数：主体表上只到 L2",
        """
        min max mode
        """,
    ),
    "copy": (
        "照搬取值的聚合：主体表上只到 L1",
        """
        any_value arbitrary first last first_value last_value nth_value arg_max arg_min argmax
        argmin max_by min_by arg_max_null arg_min_null arg_max_nulls_last arg_min_nulls_last list
        array_agg string_agg group_concat listagg quantile quantile_disc histogram histogram_exact
        approx_top_k
        """,
    ),
    "rank": (
        "窗口里的名次：能分辨行",
        """
        row_number rank dense_rank rank_dense ntile percent_rank cume_dist
        """,
    ),
    "shift": (
        "窗口里取别的行的值",
        """
        lag lead fill
        """,
    ),
    "grouping": (
        "汇总层次的标记",
        """
        grouping grouping_id
        """,
    ),
    "part": (
        "日期的一部分：分段",
        """
        date_part datepart year month quarter day week weekday weekofyear yearweek isoyear isodow
        dayofweek dayofmonth dayofyear decade century millennium era hour minute second dayname
        monthname last_day
        """,
    ),
    "truncate": (
        "日期截断：分段",
        """
        date_trunc datetrunc time_bucket
        """,
    ),
    "band": (
        "取整：按条件算分段",
        """
        floor width_bucket
        """,
    ),
    "pseudonym": (
        "受管的假名：只在 build 用法，只对字段本身",
        """
        pseudonym
        """,
    ),
    "scalar": (
        "逐行计算：结果取最高级别",
        """
        abs ceil ceiling round round_even roundbankers trunc sign signbit mod fmod fdiv
        pow power exp cbrt atan atan2 sinh cosh tanh asinh degrees
        radians pi greatest least isnan isinf isfinite xor bit_count even gcd
        greatest_common_divisor nullif lower upper lcase ucase length len char_length
        character_length strlen length_grapheme bit_length octet_length left right substr
        substring_grapheme left_grapheme right_grapheme concat concat_ws ltrim rtrim replace
        translate reverse starts_with ends_with prefix suffix contains instr strpos split_part
        string_split str_split split string_to_array regexp_matches regexp_full_match regexp_replace
        regexp_extract strip_accents nfc_normalize ascii ord unicode format_bytes levenshtein
        editdist3 damerau_levenshtein jaro_similarity
        jaro_winkler_similarity md5 sha1 sha256 date_diff datediff age
        ago strftime
        try_strptime days_in_month today current_date get_current_timestamp now epoch epoch_ms
        epoch_us epoch_ns julian microsecond millisecond nanosecond list_value list_pack array_value
        list_contains array_contains list_has array_has list_sort array_sort list_reverse_sort
        array_reverse_sort list_distinct array_distinct list_unique array_unique array_length
        list_position array_position list_indexof array_indexof list_slice array_slice list_concat
        array_concat list_cat list_element list_extract array_extract list_sum list_avg list_min
        list_max list_count list_median array_to_string cardinality row struct_pack typeof
        """,
    ),
    "fallible": (
        "可能出错的逐行计算：改写为 TRY",
        """
        sqrt ln log log2 log10 acos asin acosh atanh cot factorial gamma lgamma lcm
        least_common_multiple chr strptime make_date make_time make_timestamp to_timestamp
        sin cos tan hamming mismatches jaccard bar divide
        add subtract multiply to_days to_weeks to_months to_quarters to_years to_hours to_minutes
        to_seconds date_add date_sub datesub
        """,
    ),
}
"""Class → what it means, and its functions."""

REFUSED: tuple[tuple[str, str], ...] = (
    (
        "读文件、读库表和系统目录的",
        r"""
        add_parquet_key all_profiling_output arrow_scan arrow_scan_dumb checkpoint col_description
        collations copy_database database_list database_size duckdb_approx_database_count
        duckdb_columns duckdb_connection_count duckdb_constraints duckdb_coordinate_systems
        duckdb_databases duckdb_dependencies duckdb_extensions duckdb_external_file_cache
        duckdb_functions duckdb_indexes duckdb_keywords duckdb_log_contexts duckdb_logs
        duckdb_logs_parsed duckdb_memory duckdb_optimizers duckdb_prepared_statements
        duckdb_profiling_settings duckdb_schemas duckdb_secret_types duckdb_secrets duckdb_sequences
        duckdb_settings duckdb_table_sample duckdb_tables duckdb_temporary_files duckdb_types
        duckdb_variables duckdb_views extension_versions force_checkpoint format_pg_type format_type
        functions glob has_any_column_privilege has_column_privilege has_database_privilege
        has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
        has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege
        has_tablespace_privilege histogram_values icu_calendar_names import_database json_each
        json_tree map_to_pg_oid metadata_info obj_description pandas_scan parquet_bloom_probe
        parquet_file_metadata parquet_full_metadata parquet_kv_metadata parquet_metadata
        parquet_scan parquet_schema parse_duckdb_log_message pg_collation_is_visible
        pg_conf_load_time pg_conversion_is_visible pg_function_is_visible pg_get_constraintdef
        pg_get_expr pg_get_viewdef pg_has_role pg_is_other_temp_schema pg_my_temp_schema
        pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_postmaster_start_time
        pg_size_pretty pg_sleep pg_table_is_visible pg_timezone_names pg_ts_config_is_visible
        pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible
        pg_typeof platform pragma_collations pragma_database_size pragma_metadata_info
        pragma_platform pragma_show pragma_storage_info pragma_table_info pragma_user_agent
        pragma_version python_map_function query query_table read_blob read_csv read_csv_auto
        read_duckdb read_json read_json_auto read_json_objects read_json_objects_auto read_ndjson
        read_ndjson_auto read_ndjson_objects read_parquet read_text repeat_row seq_scan
        shobj_description show show_databases show_tables show_tables_expanded sniff_csv stats
        storage_info summary table_info test_all_types test_vector_types truncate_duckdb_logs unnest
        user_agent version which_secret
        """,
    ),
    (
        "改会话、等时间、看环境的",
        r"""
        current_catalog current_connection_id current_database current_localtime
        current_localtimestamp current_query current_query_id current_role current_schema
        current_schemas current_setting current_transaction_id current_user currval
        disable_checkpoint_on_shutdown disable_logging disable_object_cache disable_optimizer
        disable_print_progress_bar disable_profile disable_profiling disable_progress_bar
        disable_verification disable_verify_external disable_verify_fetch_row
        disable_verify_parallelism disable_verify_serializer enable_checkpoint_on_shutdown
        enable_logging enable_object_cache enable_optimizer enable_print_progress_bar enable_profile
        enable_profiling enable_progress_bar enable_verification error get_block_size
        get_current_time getvariable in_search_path inet_client_addr inet_client_port
        inet_server_addr inet_server_port nextval session_user setseed sleep_ms
        transaction_timestamp txid_current user verify_external verify_fetch_row verify_parallelism
        verify_serializer write_log
        """,
    ),
    (
        "每次结果不同的",
        r"""
        gen_random_uuid random reservoir_quantile uuid uuidv4 uuidv7
        """,
    ),
    (
        "内部的、聚合状态的和类型的",
        r"""
        __internal_compress_integral_ubigint __internal_compress_integral_uinteger
        __internal_compress_integral_usmallint __internal_compress_integral_utinyint
        __internal_compress_string_hugeint __internal_compress_string_ubigint
        __internal_compress_string_uhugeint __internal_compress_string_uinteger
        __internal_compress_string_usmallint __internal_compress_string_utinyint
        __internal_decompress_integral_bigint __internal_decompress_integral_hugeint
        __internal_decompress_integral_integer __internal_decompress_integral_smallint
        __internal_decompress_integral_ubigint __internal_decompress_integral_uhugeint
        __internal_decompress_integral_uinteger __internal_decompress_integral_usmallint
        __internal_decompress_string aggregate alias can_cast_implicitly cast_to_type combine
        constant_or_null create_sort_key enum_code enum_first enum_last enum_range
        enum_range_boundary equi_width_bins finalize get_type is_histogram_other_bin make_type
        normalized_interval remap_struct replace_type st_asbinary st_astext st_aswkb st_aswkt st_crs
        st_geomfromwkb st_intersects_extent st_setcrs switch union_extract union_tag union_value
        unpivot_list variant_bytes_to_variant variant_extract variant_normalize
        variant_to_parquet_variant variant_typeof vector_type
        """,
    ),
    (
        "排序规则",
        r"""
        icu_collate_af icu_collate_am icu_collate_ar icu_collate_ar_sa icu_collate_as icu_collate_az
        icu_collate_be icu_collate_bg icu_collate_bn icu_collate_bo icu_collate_br icu_collate_bs
        icu_collate_ca icu_collate_ceb icu_collate_chr icu_collate_cs icu_collate_cy icu_collate_da
        icu_collate_de icu_collate_de_at icu_collate_dsb icu_collate_dz icu_collate_ee
        icu_collate_el icu_collate_en icu_collate_en_us icu_collate_eo icu_collate_es icu_collate_et
        icu_collate_fa icu_collate_fa_af icu_collate_ff icu_collate_fi icu_collate_fil
        icu_collate_fo icu_collate_fr icu_collate_fr_ca icu_collate_ga icu_collate_gl icu_collate_gu
        icu_collate_ha icu_collate_haw icu_collate_he icu_collate_he_il icu_collate_hi
        icu_collate_hr icu_collate_hsb icu_collate_hu icu_collate_hy icu_collate_id
        icu_collate_id_id icu_collate_ig icu_collate_is icu_collate_it icu_collate_ja icu_collate_ka
        icu_collate_kk icu_collate_kl icu_collate_km icu_collate_kn icu_collate_ko icu_collate_kok
        icu_collate_ku icu_collate_ky icu_collate_lb icu_collate_lkt icu_collate_ln icu_collate_lo
        icu_collate_lt icu_collate_lv icu_collate_mk icu_collate_ml icu_collate_mn icu_collate_mr
        icu_collate_ms icu_collate_mt icu_collate_my icu_collate_nb icu_collate_nb_no icu_collate_ne
        icu_collate_nl icu_collate_nn icu_collate_noaccent icu_collate_om icu_collate_or
        icu_collate_pa icu_collate_pa_in icu_collate_pl icu_collate_ps icu_collate_pt icu_collate_ro
        icu_collate_ru icu_collate_sa icu_collate_se icu_collate_si icu_collate_sk icu_collate_sl
        icu_collate_smn icu_collate_sq icu_collate_sr icu_collate_sr_ba icu_collate_sr_me
        icu_collate_sr_rs icu_collate_sv icu_collate_sw icu_collate_ta icu_collate_te icu_collate_th
        icu_collate_tk icu_collate_to icu_collate_tr icu_collate_ug icu_collate_uk icu_collate_ur
        icu_collate_uz icu_collate_vi icu_collate_wae icu_collate_wo icu_collate_xh icu_collate_yi
        icu_collate_yo icu_collate_yue icu_collate_yue_cn icu_collate_zh icu_collate_zh_cn
        icu_collate_zh_hk icu_collate_zh_mo icu_collate_zh_sg icu_collate_zh_tw icu_collate_zu
        icu_sort_key
        """,
    ),
    (
        "JSON",
        r"""
        array_to_json from_json from_json_strict json json_array json_array_length json_contains
        json_deserialize_sql json_execute_serialized_sql json_exists json_extract json_extract_path
        json_extract_path_text json_extract_string json_group_array json_group_object
        json_group_structure json_keys json_merge_patch json_object json_pretty json_quote
        json_serialize_plan json_serialize_sql json_structure json_transform json_transform_strict
        json_type json_valid json_value row_to_json to_json
        """,
    ),
    (
        "编码和字节：能把标识变成别的样子",
        r"""
        base64 bin bit_position bitstring decode encode from_base64 from_binary from_hex get_bit
        hash hex md5_number md5_number_lower md5_number_upper set_bit to_base to_base64 to_binary
        to_hex unbin unhex url_decode url_encode uuid_extract_timestamp uuid_extract_version
        """,
    ),
    (
        "运算符：由语法树的节点判断，不按名字调用",
        r"""
        !__postfix !~~ !~~* % & && * ** + - ->> / // <-> << <=> <@ >> @ @> ^ ^@ | || ~ ~~ ~~* ~~~
        """,
    ),
    (
        "未评估的：集合里逐元素的、映射和结构的、其他",
        r"""
        apply array_aggr array_aggregate array_append array_apply array_cat array_cosine_distance
        array_cosine_similarity array_cross_product array_distance array_dot_product array_filter
        array_grade_up array_has_all array_has_any array_inner_product array_intersect
        array_negative_dot_product array_negative_inner_product array_pop_back array_pop_front
        array_prepend array_push_back array_push_front array_reduce array_resize array_reverse
        array_select array_to_string_comma_default array_transform array_where array_zip bit_and
        bit_or bit_xor bitstring_agg element_at filter flatten format formatReadableDecimalSize
        formatReadableSize generate_series generate_subscripts geomean geometric_mean grade_up
        ilike_escape like_escape list_aggr list_aggregate list_any_value list_append list_apply
        list_approx_count_distinct list_bit_and list_bit_or list_bit_xor list_bool_and list_bool_or
        list_cosine_distance list_cosine_similarity list_distance list_dot_product list_entropy
        list_filter list_first list_grade_up list_has_all list_has_any list_histogram
        list_inner_product list_intersect list_kurtosis list_kurtosis_pop list_last list_mad
        list_mode list_negative_dot_product list_negative_inner_product list_prepend list_product
        list_reduce list_resize list_reverse list_select list_sem list_skewness list_stddev_pop
        list_stddev_samp list_string_agg list_transform list_var_pop list_var_samp list_where
        list_zip lpad make_timestamp_ms make_timestamp_ns make_timestamptz map map_concat
        map_contains map_contains_entry map_contains_value map_entries map_extract map_extract_value
        map_from_entries map_keys map_values nextafter not_ilike_escape not_like_escape
        parse_dirname parse_dirpath parse_filename parse_formatted_bytes parse_path position printf
        product range reduce regexp_escape regexp_extract_all regexp_split_to_array
        regexp_split_to_table repeat rpad str_split_regex string_split_regex struct_concat
        struct_contains struct_extract struct_extract_at struct_has struct_indexof struct_insert
        struct_keys struct_position struct_update struct_values substring sum_no_overflow
        timetz_byte_comparable timezone timezone_hour timezone_minute to_centuries to_decades
        to_microseconds to_millennia to_milliseconds trim
        """,
    ),
)
"""Why refused, and the functions."""
