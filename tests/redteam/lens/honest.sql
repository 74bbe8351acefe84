# Queries an honest developer writes, one a line (\n stands for a new line). Each must be allowed, and the
# rewritten query must give on real DuckDB what the written one gives on tables already cut to the grant.

== answer

# counts and groups
select city, count(*) as n from person group by city
SELECT City, COUNT(*) FROM PERSON GROUP BY CITY;
select "city", count(*) as "人数" from "person" group by "city"
select p."City" as 城市, count(distinct p.ID) 人数 from Person as p group by 城市 order by 人数 desc
/* 注释 */ select city -- 城市\n, count(*) n from person group by 1
select city, sex, count(*) n, avg(income) m from person group by all order by all
select city, sex, count(*) n from person group by rollup(city, sex)
select city, sex, count(*) n from person group by cube(city, sex) having count(*) >= 10
select city, sex, count(*) n, grouping(city) g from person group by grouping sets ((city), (sex), ())
select count(*) from person
select count(id), count(distinct id), count(name) from person
select approx_count_distinct(id) > 0 as some from person
select count(*) filter (where income > 5000) as rich, count(*) as n from person
select city, count(*) n from person group by city having count(*) >= 10
select city, count(*) n from person group by city having n >= 20 and n < 1000
select city, count(*) n from person group by city having count(*) > 5 order by 2 desc limit 3
select city, case when count(*) < 10 then null else count(*) end n from person group by city
select city, if(count(*) < 10, null, avg(income)) m from person group by city
select city, case when n < 10 then '少于10' else '10及以上' end band from (select city, count(*) n from person group by city)
from person select city, count(*) n group by city
select city from person group by city
select distinct city, sex from person
select distinct city from person order by city
select count(*) from (select distinct city, sex from person)
select city, count(*) from person where name is not null group by city
select city, count(*) from person where birth between date '1970-01-01' and date '1990-12-31' group by city
select city, count(*) from person where income > 8000 and age in (30, 31, 32, 40) group by city
select city, count(*) from person where city like '黄%' or sex = 'F' group by city
select city, count(*) from person where not (income < 3000 or income is null) group by city
select city, count(*) from person where sex is distinct from 'M' group by city

# statistics of sensitive columns
select city, avg(income), median(income), stddev(income), var_pop(income) from person group by city
select city, quantile_cont(income, 0.25) q1, quantile_cont(income, [0.5, 0.75]) q from person group by city
select city, percentile_cont(0.9) within group (order by income) p90 from person group by city
select city, sum(income) s, sum(income) / count(*) m from person group by city
select corr(age, income), covar_pop(age, income), regr_slope(income, age) from person
select city, round(avg(income), 2) as m, cast(avg(age) as integer) a from person group by city
select city, avg(income)::decimal(18, 2) m from person group by city
select city, count_if(income > 5000) n from person group by city
select city, sum(case when income > 5000 then 1 else 0 end) n from person group by city
select city, sum(if(sex = 'F', 1, 0))::double / count(*) as share from person group by city
select city, avg(income) filter (where sex = 'F') f, avg(income) filter (where sex = 'M') m from person group by city
select city, bool_or(income > 100000) from person group by city
select city, skewness(income), entropy(city) from person group by city
select city, min(age), max(age), mode(age) from person group by city
select sex, max(city), min(birth), any_value(city) from person group by sex
select city, string_agg(distinct sex, ',' order by sex) from person group by city
select count_if(id is null) from person
select avg(coalesce(income, 0)) from person
select avg(nullif(income, 0)), avg(abs(age - 40)) from person
select avg(income * 12) as yearly from person
select sum(fee * days) from visit
select avg(ln(income)) from person where income > 0
select avg(sqrt(fee)) from visit
select sex, avg(try_cast(grade_text as integer)) from person group by sex

# banded sensitive groups
select case when income < 5000 then '低' when income < 10000 then '中' else '高' end as band, count(*) n from person group by band
select income > 8000 as rich, count(*) from person group by 1
select floor(income / 1000) as k, count(*) from person group by k order by k
select income // 5000 as k, count(*) from person group by 1
select floor(income / 1000) * 1000 as floor_, count(*) from person group by floor_
select width_bucket(income, 0, 20000, 4) b, count(*) from person group by b
select year(diagnosed) y, count(*) from person group by y
select date_trunc('month', diagnosed) m, count(*) n from person group by m
select extract(year from diagnosed) y, extract(quarter from diagnosed) q, count(*) from person group by all
select date_part('year', diagnosed) y, count(*) from person group by 1
select city, age // 10 * 10 as decade, count(*) from person group by city, decade
select date_diff('year', birth, date '2026-01-01') // 10 as d, count(*) from person group by d
select year(birth) as y, count(*) from person where y >= 1980 group by y

# joins
select p.city, count(distinct v.pid) n, sum(v.fee) s from person p join visit v on p.id = v.pid group by p.city
select p.city, sum(v.fee) s from person p left join visit v on p.id = v.pid group by all
select city, count(*) from person, visit where person.id = visit.pid group by city
select p.city, count(*) n from person p where exists (select 1 from visit v where v.pid = p.id) group by p.city
select p.city, count(*) n from person p where not exists (select 1 from visit v where v.pid = p.id) group by p.city
select p.city, count(*) n from person p where p.id in (select pid from visit where fee > 10) group by p.city
select p.city, count(*) n from person p where p.id not in (select pid from visit where pid is not null) group by p.city
select p.city, count(*) n from person p semi join visit v on p.id = v.pid group by p.city
select p.city, count(*) n from person p anti join visit v on p.id = v.pid group by p.city
select p.city, count(*) filter (where v.pid is null) as none from person p left join visit v on p.id = v.pid group by p.city
select p.city, sum(case when v.pid is null then 1 else 0 end) as none from person p left join (select distinct pid from visit) v on p.id = v.pid group by p.city
select count(*) from person a join person b using (id)
select city, avg(income) from person natural join (select id, city from person) group by city
select c.city, c.region, count(*) from person p join city c using (city) group by all
select region, count(distinct id) from person join city using (city) group by region
select c.region, avg(p.income) from city c left join person p on p.city = c.city group by c.region
select count(*) from person p full join visit v on p.id = v.pid
select v.place, count(distinct v.pid) from visit v group by v.place having count(distinct v.pid) >= 10
select a.place, count(*) from visit a asof join visit b on a.pid = b.pid and a.day >= b.day group by a.place
select count(*) from person p join visit v on (p.id = v.pid and v.fee > 5 and v.day >= p.birth)
select count(*) from (person p join visit v on p.id = v.pid)
select city, (select avg(income) from person) as overall, avg(income) as here from person group by city
select c.city, (select count(*) from person p where p.city = c.city) n from city c
select city, avg(income) from person where income > (select avg(income) from person) group by city
select p.city, n.total from (select city, count(*) c from person group by city) p join (select city, count(*) total from person group by city) n using (city)
select city, m - overall as gap from (select city, avg(income) m from person group by city) cross join (select avg(income) overall from person)
select x.city, x.n from city c, lateral (select c.city, count(*) n from person p where p.city = c.city) x
select region, sum(n) from (select city, count(*) n from person group by city) t join city using (city) group by region

# per subject first, then merged
select avg(n) from (select pid, count(*) n from visit group by pid)
with v as (select pid, sum(fee) s, count(*) n from visit group by pid) select p.city, avg(v.s), median(v.n) from person p join v on v.pid = p.id group by p.city
select n, count(*) people from (select pid, count(*) n from visit group by pid) group by n
select count(*) from (select pid from visit group by pid having count(*) = 1)
select place, avg(top) from (select place, pid, max(fee) top from visit group by place, pid) group by place
select city, count(*) from (select city, id, row_number() over (partition by id order by birth desc) rn from person) where rn = 1 group by city
select p.city, avg(fee) from person p join (select pid, fee from visit qualify row_number() over (partition by pid order by day desc) = 1) v on v.pid = p.id group by p.city
select avg(gap) from (select pid, date_diff('day', lag(day) over (partition by pid order by day), day) gap from visit)
select place, avg(fee - previous) from (select place, fee, lag(fee) over (partition by pid order by day) previous from visit) group by place
select count(*) from (select distinct pid from visit)
select count(*) from (select distinct on (pid) pid, place from visit order by day)
select place, count(distinct (pid, day)) visits from visit group by place
with a as (select id, city from person), b as (select pid from visit) select city, count(*) from a join b on a.id = b.pid group by city
with a as materialized (select city c, income i from person) select c, avg(i) from a group by c
with a(c, i) as (select city, income from person) select c, avg(i) from a group by c
with person as (select city, income from person where income > 100) select city, count(*) from person group by city

# windows over groups
select city, n, rank() over (order by n desc) r from (select city, count(*) n from person group by city)
select city, count(*) n, sum(count(*)) over () total from person group by city
select city, count(*) * 100.0 / sum(count(*)) over () as pct from person group by city
select city, sex, count(*) n from person group by city, sex qualify row_number() over (partition by city order by n desc) = 1
select month, n, n - lag(n) over (order by month) change from (select date_trunc('month', day) as month, count(*) n from visit group by 1)
select day, sum(n) over (order by day rows between 6 preceding and current row) as week_sum from (select day, count(*) n from visit group by day)
select city, n, sum(n) over w running from (select city, count(*) n from person group by city) window w as (order by city)
select distinct city, count(*) over (partition by city) n from person

# set operations
select city from person union select city from city
select city, count(*) n from person group by city union all select '合计', count(*) from person order by 1
select city from city except select city from person
select city from city intersect select city from person
select count(*) from (select id from person union select pid from visit)
select count(*) from (select id from person intersect select pid from visit)
select city, count(*) n from person group by city union all by name select count(*) n, region as city from city group by region
(select city, count(*) n from person group by city) union all (select place, count(*) from visit group by place) limit 20
select count(*) from (select city, sex from person where city = '黄石' union all select place, 'x' from visit)

# public tables
select * from city
select c.* exclude (region) from city c
select * replace (upper(region) as region) from city
select * rename (region as area) from city
select columns('c.*') from city
select columns(* exclude (region)) from city
select max(columns(*)) from city
from city
table city
select city as c, region || '-' || c as label from city
select station, avg(pm) m, max(pm) top, min(pm) low from air group by station
select station, day, pm from air where pm > 50 order by pm desc limit 10
select station, day, pm, avg(pm) over (partition by station order by day rows between 2 preceding and current row) m3 from air
select station, pm, row_number() over (partition by station order by pm desc) r from air qualify r <= 3
select distinct on (station) station, day, pm from air order by station, day
select station, strftime(day, '%Y-%m') ym, avg(pm) from air group by all
select station, count(*) n from air group by station having count(*) = 1
select station, list(pm order by day) series from air group by station
select station, first(pm order by day), last(pm order by day), arg_max(day, pm) from air group by station
select station, histogram(pm) from air group by station
select a.station, b.day from air a join air b on a.station = b.station and a.day < b.day
select station from air where pm > (select avg(pm) from air)
select station, pm / nullif(max(pm) over (partition by station), 0) from air
select lower(station), length(station), left(station, 2), substring(station from 1 for 1), trim(station) from air
select day + interval 1 day, day - interval '3' month, day::timestamp, year(day) from air
select cast(station as varchar), try_cast(station as integer) from air
select station, pm from air where 1 = 0 using sample 50 percent (bernoulli, 42)
select 1 as one, 'x' as label, 1 + 1 as two
values (1, 'a'), (2, 'b')
select * from (values ('黄石', 1), ('大冶', 2)) v(city, k) join city using (city)
select v.k, count(*) from person p join (values ('黄石', 1), ('大冶', 2)) v(city, k) on p.city = v.city group by v.k
select main.city.city, region from main.city
select $$a'b$$ as t
select station, pm from air order by pm desc nulls last, station offset 2

== build
select pseudonym(id) as pid, city, income from person
select pseudonym(p.id) pid, v.fee, v.place from person p join visit v on p.id = v.pid where v.fee > 3
select pseudonym(id) pid, count(*) n from person group by id
select pseudonym(pid) k, max(fee) top, list(place order by day) places from visit group by pid
select city, income, birth from person order by income limit 100
select city, max(income) from person group by city
with k as (select id, pseudonym(id) pid from person) select k.pid, avg(fee) from k join visit on visit.pid = k.id group by k.pid
select age, income * 12 yearly, floor(income / 1000) band from person where city is not null

# expressions that could overflow, of group keys and inside aggregates
== answer
select age * 2 as twice, count(*) from person group by age
select age * 2 as twice, count(*) from person group by all
select age * 2 as twice, age * 2 as again, count(distinct city) from person group by all having count(*) > 0
select age * 2 as twice, sum(income * 12) from person where twice > 40 group by twice
select sum(income * 12), avg(income * 12) filter (where age * 2 > 60) from person
select distinct age * 2, age * 3 from person
select city, sum(sum(income * 2)) over () from person group by city
select to_days(age) d, count(*) from person group by d

# PIVOT, UNPIVOT, bounded recursion, ANY
select city, count(*) from person where city = any (select city from city) group by city
pivot air on station in ('甲站', '乙站') using avg(pm) group by day
pivot air on station in ('甲站', '乙站') using avg(pm)
select * from air pivot (avg(pm) as m, count(*) as n for station in ('甲站' as a, '乙站') group by day) as p
select p.city, "F", "M" from (pivot person on sex in ('F', 'M') using count(*) group by city) p
pivot (select city, sex, count(*) n from person group by all) on sex in ('F', 'M') using sum(n) group by city
pivot person on age in (20, 30) using count(*) group by city
with p as (pivot person on sex in ('F', 'M') using avg(income) as m group by city) select city, F_m - M_m as gap from p
unpivot (select station, avg(pm) a, max(pm) b from air group by station) on a, b into name k value v
select * from (select station, avg(pm) a, max(pm) b from air group by station) unpivot (v for k in (a, b))
with recursive d(n) as (select 1 union all select n + 1 from d where n < 12) select n from d
with recursive d as (select date '2026-01-01' as x union all select x + 1 from d where x < date '2026-01-31') select x, count(a.pm) from d left join air a on a.day = d.x group by x
with recursive d(n) as (select 1 union all select n + 1 from d where n < 12) select d.n, count(v.pid) from d left join visit v on month(v.day) = d.n group by d.n
select city, count(*) n from person group by city order by n
select city, count(*) n from person group by city order by n limit 10
select city, avg(income) m from person group by city order by m limit 1
select place, count(*) from visit where day = (select max(day) from visit) group by place
select p.city, avg((select count(*) from visit v where v.pid = p.id)) from person p group by p.city
select place, avg(fee) from visit v where day = (select max(day) from visit w where w.pid = v.pid) group by place
select city, avg(income / (age + 1)) from person group by city
select avg(income) from person where id in (select pid from visit order by fee desc limit 100)
select city, count(*) from person where id not in (select pid from visit where fee > 50 and pid is not null) group by city
select d, count(*) from (select pid, day - lag(day) over (partition by pid order by day) d from visit) where d is not null group by d
select pm as a, a + 1 as b, b * 2 as c from air where c > 10 order by c, a + b
select min(city), avg(age), max(age * 2) over (partition by 1) from person t group by age
select age, sum(age * 3) over (order by age) from person group by age
